//! The schemas of a description: each type once, under its facade's name.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde_json::{Map, Value, json};

/// Where a schema that is made from a type keeps the others that it names.
const OWN: &str = "#/$defs/";
/// Where a description keeps all of them.
const SHARED: &str = "#/components/schemas/";

/// Which way JSON goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// It is read.
    In,
    /// It is written.
    Out,
}

/// The schemas so far.
#[derive(Debug, Default)]
pub(super) struct Schemas {
    named: Map<String, Value>,
    /// What each was made from, with all that it names: two facades may have types of one name.
    origins: BTreeMap<String, Value>,
}

impl Schemas {
    /// The schema of `T` as `facade` has it: where it is kept, or itself if it is not worth a name.
    pub(super) fn of<T: JsonSchema>(&mut self, facade: &str, way: Way) -> Value {
        let settings = SchemaSettings::draft2020_12().with(|settings| settings.meta_schema = None);
        let settings = if way == Way::In { settings.for_deserialize() } else { settings.for_serialize() };
        let mut root = settings.into_generator().into_root_schema_for::<T>().to_value();
        let Some(schema) = root.as_object_mut() else { return root };
        schema.remove("title");
        let mut defs = match schema.remove("$defs") {
            Some(Value::Object(defs)) => defs,
            _ => Map::new(),
        };
        let has_name = !T::inline_schema() && root.get("type") != Some(&json!("array"));
        if has_name {
            defs.insert(T::schema_name().into_owned(), root.clone());
        }
        let keys: BTreeMap<String, String> =
            defs.keys().map(|name| (name.clone(), self.key(facade, name, &defs))).collect();
        for (name, mut schema) in defs {
            refer(&mut schema, &keys);
            if let Some(key) = keys.get(&name) {
                self.named.insert(key.clone(), schema);
            }
        }
        if let Some(key) = keys.get(T::schema_name().as_ref()).filter(|_| has_name) {
            return json!({"$ref": format!("{SHARED}{key}")});
        }
        refer(&mut root, &keys);
        root
    }

    /// All of them.
    pub(super) fn into_named(self) -> Map<String, Value> {
        self.named
    }

    /// A key that no other schema has.
    fn key(&mut self, facade: &str, name: &str, defs: &Map<String, Value>) -> String {
        let origin = origin(name, defs);
        let plain = format!("{facade}.{name}");
        let mut key = plain.clone();
        for number in 2.. {
            match self.origins.get(&key) {
                Some(other) if *other != origin => key = format!("{plain}{number}"),
                _ => break,
            }
        }
        self.origins.insert(key.clone(), origin);
        key
    }
}

/// The schema called `name`, and all that it leads to.
fn origin(name: &str, defs: &Map<String, Value>) -> Value {
    let mut found = Map::new();
    let mut open = vec![name.to_owned()];
    while let Some(name) = open.pop() {
        let Some(schema) = defs.get(&name).filter(|_| !found.contains_key(&name)) else { continue };
        names(schema, &mut open);
        found.insert(name, schema.clone());
    }
    Value::Object(found)
}

/// The names that `schema` refers to.
fn names(schema: &Value, found: &mut Vec<String>) {
    match schema {
        Value::Object(members) => {
            let name = members.get("$ref").and_then(Value::as_str).and_then(|to| to.strip_prefix(OWN));
            found.extend(name.map(str::to_owned));
            members.values().for_each(|member| names(member, found));
        }
        Value::Array(values) => values.iter().for_each(|value| names(value, found)),
        _ => {}
    }
}

/// Lets `schema` refer to where schemas are kept.
fn refer(schema: &mut Value, keys: &BTreeMap<String, String>) {
    match schema {
        Value::Object(members) => {
            if let Some(Value::String(to)) = members.get_mut("$ref")
                && let Some(key) = to.strip_prefix(OWN).and_then(|name| keys.get(name))
            {
                *to = format!("{SHARED}{key}");
            }
            members.values_mut().for_each(|member| refer(member, keys));
        }
        Value::Array(values) => values.iter_mut().for_each(|value| refer(value, keys)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use schemars::JsonSchema;
    use serde_json::json;

    use super::{Schemas, Way};

    #[derive(JsonSchema)]
    #[expect(dead_code, reason = "it is there for its schema")]
    struct Outer {
        inner: Inner,
    }

    #[derive(JsonSchema)]
    #[expect(dead_code, reason = "it is there for its schema")]
    struct Inner {
        name: Option<String>,
    }

    mod other {
        #[derive(super::JsonSchema)]
        #[expect(dead_code, reason = "it is there for its schema")]
        pub(super) struct Inner {
            number: u8,
        }
    }

    #[test]
    fn types_of_one_name_are_kept_apart_and_the_same_type_is_kept_once() {
        let mut schemas = Schemas::default();
        let of = |number: &str| json!({"$ref": format!("#/components/schemas/me.Inner{number}")});
        schemas.of::<Outer>("me", Way::In);
        assert_eq!(schemas.of::<other::Inner>("me", Way::In), of("2"));
        assert_eq!(schemas.of::<Inner>("me", Way::In), of(""));
        assert_eq!(schemas.of::<Vec<Inner>>("me", Way::In)["items"], of(""));
        let named = schemas.into_named();
        assert_eq!(named["me.Outer"]["properties"]["inner"], of(""));
        let mut keys: Vec<&String> = named.keys().collect();
        keys.sort();
        assert_eq!(keys, ["me.Inner", "me.Inner2", "me.Outer"]);
    }
}
