//! A tenant's rows of one encoder, as a collection.

use ::qdrant_client::QdrantError;
use ::qdrant_client::qdrant as wire;
use data_encoding::HEXLOWER;
use sha2::{Digest, Sha256};
use tonic::Code;

use super::nodes::Nodes;
use super::point::{BANK, CONFIRMED, CREATED, DENSE, EXPIRES, LABEL, LANGUAGE, SPARSE, TAGS};
use crate::IndexError;

/// Bytes of a digest in a name: enough that no two tenants or encoders ever meet.
const NAME_BYTES: usize = 16;

/// Which collection, and what it holds.
#[derive(Debug)]
pub(super) struct Collection {
    pub(super) name: String,
    pub(super) tenant: String,
    pub(super) dimension: usize,
    pub(super) encoder_digest: String,
    alias: String,
}

impl Collection {
    pub(super) fn new(prefix: &str, tenant: &str, (dimension, encoder_digest): (usize, &str)) -> Self {
        let alias = format!("{prefix}-{}", short(tenant));
        Self {
            name: format!("{alias}-{}-{dimension}", short(encoder_digest)),
            tenant: tenant.to_owned(),
            dimension,
            encoder_digest: encoder_digest.to_owned(),
            alias,
        }
    }

    /// Another collection of the tenant's, of which nothing but the name is known.
    pub(super) fn sibling(&self, name: String) -> Self {
        let (tenant, alias) = (self.tenant.clone(), self.alias.clone());
        Self { name, tenant, dimension: 0, encoder_digest: String::new(), alias }
    }

    /// Makes it, its payload indexes and the tenant's first alias, as far as they are not there.
    pub(super) async fn make(&self, nodes: &Nodes) -> Result<(), IndexError> {
        let name = &self.name;
        let there = nodes.call("open", |client| async move { client.collection_exists(name).await });
        if !there.await? {
            let request = self.description(nodes)?;
            let made = nodes.call("create", |client| {
                let request = request.clone();
                async move { unless_there(client.create_collection(request).await.map(|_| ())) }
            });
            made.await?;
        }
        for (field, kind) in [
            (BANK, wire::FieldType::Keyword),
            (LABEL, wire::FieldType::Keyword),
            (LANGUAGE, wire::FieldType::Keyword),
            (TAGS, wire::FieldType::Keyword),
            (CONFIRMED, wire::FieldType::Bool),
            (CREATED, wire::FieldType::Integer),
            (EXPIRES, wire::FieldType::Integer),
        ] {
            let request = wire::CreateFieldIndexCollection {
                collection_name: name.clone(),
                wait: Some(true),
                field_name: field.to_owned(),
                field_type: Some(kind.into()),
                ..wire::CreateFieldIndexCollection::default()
            };
            let made = nodes.call("create", |client| {
                let request = request.clone();
                async move { client.create_field_index(request).await }
            });
            made.await?;
        }
        if self.in_use(nodes, "open").await?.is_none() {
            self.put_in_use(nodes).await?;
        }
        Ok(())
    }

    fn description(&self, nodes: &Nodes) -> Result<wire::CreateCollection, IndexError> {
        let options = nodes.options();
        let dimension = u64::try_from(self.dimension)
            .map_err(|_| IndexError::TooMany { asked: self.dimension, limit: usize::MAX })?;
        // All vectors have length 1, so their product is their cosine; `Cosine` would normalize them again and give
        // others back than came in.
        let mut dense = wire::VectorParamsBuilder::new(dimension, wire::Distance::Dot);
        if options.quantize {
            let eight_bits =
                wire::ScalarQuantizationBuilder::default().r#type(wire::QuantizationType::Int8.into());
            dense = dense.on_disk(true).quantization_config(eight_bits.always_ram(true));
        }
        let mut vectors = wire::VectorsConfigBuilder::default();
        vectors.add_named_vector_params(DENSE, dense);
        let mut sparse = wire::SparseVectorsConfigBuilder::default();
        sparse.add_named_vector_params(
            SPARSE,
            wire::SparseVectorParamsBuilder::default().modifier(wire::Modifier::Idf as i32),
        );
        Ok(wire::CreateCollectionBuilder::new(&self.name)
            .vectors_config(vectors)
            .sparse_vectors_config(sparse)
            .shard_number(options.shards)
            .replication_factor(options.replicas)
            .write_consistency_factor(options.write_consistency)
            .build())
    }

    /// The collection that the tenant's alias names; asked for the sake of `doing` something.
    pub(super) async fn in_use(
        &self,
        nodes: &Nodes,
        doing: &'static str,
    ) -> Result<Option<String>, IndexError> {
        let all = nodes.call(doing, |client| async move { client.list_aliases().await }).await?;
        let mine = all.aliases.into_iter().find(|alias| alias.alias_name == self.alias);
        Ok(mine.map(|alias| alias.collection_name))
    }

    pub(super) async fn put_in_use(&self, nodes: &Nodes) -> Result<(), IndexError> {
        // Creating an alias that is there moves it, in one step.
        let request =
            wire::CreateAlias { collection_name: self.name.clone(), alias_name: self.alias.clone() };
        let moved = nodes.call("put in use", |client| {
            let request = request.clone();
            async move { client.create_alias(request).await }
        });
        moved.await.map(|_| ())
    }
}

/// Takes it as made when another process, or an earlier try whose answer was lost, has made it.
fn unless_there(made: Result<(), QdrantError>) -> Result<(), QdrantError> {
    match made {
        Err(QdrantError::ResponseError { status })
            if status.code() == Code::AlreadyExists || status.message().contains("already exists") =>
        {
            Ok(())
        }
        made => made,
    }
}

fn short(name: &str) -> String {
    let digest = Sha256::digest(name.as_bytes());
    HEXLOWER.encode(digest.get(..NAME_BYTES).unwrap_or(&digest))
}
