//! A list as it is written, and as it is in force.

use policies::Content;
use serde::{Deserialize, Serialize};

use super::matcher::{Matcher, pattern};
use super::{ListError, MAX_DESCRIPTION, MAX_ITEM, field};

/// One item of a list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Item {
    /// Its name, made here.
    pub id: String,
    /// A word or phrase, or a pattern.
    pub text: String,
    /// What it is for.
    pub description: Option<String>,
    /// Whether `text` is a regular expression.
    pub is_regex: bool,
}

/// An item that somebody hands in.
#[derive(Clone, Debug, Default)]
pub struct NewItem {
    /// A word or phrase, or a pattern.
    pub text: String,
    /// What it is for.
    pub description: Option<String>,
    /// Whether `text` is a regular expression.
    pub is_regex: bool,
}

/// What is to change about a list itself.
#[derive(Clone, Debug, Default)]
pub struct Change {
    /// What its description is to be.
    pub description: Description,
}

/// What a description is to be.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Description {
    /// As it is.
    #[default]
    Keep,
    /// None.
    Remove,
    /// This.
    Set(String),
}

/// A list as it lies on disk.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Written {
    pub(super) name: String,
    pub(super) description: Option<String>,
    pub(super) items: Vec<Item>,
}

/// A list in force.
pub struct List {
    written: Written,
    matcher: Matcher,
}

impl Written {
    pub(super) fn change(&mut self, Change { description }: Change) -> Result<(), ListError> {
        self.description = match description {
            Description::Keep => return Ok(()),
            Description::Remove => None,
            Description::Set(text) => {
                describes("description", Some(&text))?;
                Some(text)
            }
        };
        Ok(())
    }

    /// An item is what its text is.
    pub(super) fn put(&mut self, NewItem { text, description, is_regex }: NewItem) -> Item {
        if let Some(known) = self.items.iter_mut().find(|item| item.text == text) {
            known.description = description;
            known.is_regex = is_regex;
            return known.clone();
        }
        let item = Item { id: uuid::Uuid::now_v7().to_string(), text, description, is_regex };
        self.items.push(item.clone());
        item
    }
}

impl List {
    pub(super) fn new(written: Written) -> Result<Self, ListError> {
        Ok(Self { matcher: Matcher::new(&written.items)?, written })
    }

    /// What it is called.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.written.name
    }

    /// What it is for.
    #[must_use]
    pub fn description(&self) -> Option<&str> {
        self.written.description.as_deref()
    }

    /// Its items, the oldest first.
    #[must_use]
    pub fn items(&self) -> &[Item] {
        &self.written.items
    }

    /// One item.
    ///
    /// # Errors
    ///
    /// [`ListError::UnknownItem`].
    pub fn item(&self, id: &str) -> Result<&Item, ListError> {
        self.items().iter().find(|item| item.id == id).ok_or(ListError::UnknownItem)
    }

    /// Its items that are in `content`, each once.
    pub(super) fn hits(&self, content: &Content) -> Vec<Item> {
        let found = self.matcher.hits(content);
        self.items().iter().filter(|item| found.contains(item.id.as_str())).cloned().collect()
    }

    pub(super) fn written(&self) -> Written {
        self.written.clone()
    }
}

/// Refuses what cannot be an item; `number` counts from 0.
pub(super) fn check(number: usize, item: &NewItem) -> Result<(), ListError> {
    let name = |of: &str| format!("blocklistItems[{number}].{of}");
    let chars = item.text.chars().count();
    if !(1..=MAX_ITEM).contains(&chars) {
        return Err(field(&name("text"), &format!("it has {chars} characters; 1 to {MAX_ITEM} are allowed")));
    }
    describes(&name("description"), item.description.as_deref())?;
    if item.is_regex {
        return match pattern(&item.text) {
            Ok(_) => Ok(()),
            Err(reason) => Err(field(&name("text"), reason)),
        };
    }
    match Content::new(item.text.as_str()) {
        Ok(_) => Ok(()),
        Err(_) => Err(field(&name("text"), "it has nothing that can be read")),
    }
}

fn describes(name: &str, description: Option<&str>) -> Result<(), ListError> {
    match description.map_or(0, |text| text.chars().count()) {
        chars if chars > MAX_DESCRIPTION => {
            Err(field(name, &format!("it has {chars} characters; {MAX_DESCRIPTION} are allowed")))
        }
        _ => Ok(()),
    }
}
