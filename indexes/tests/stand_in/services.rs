//! The services. What the engine does not call is not here.

use std::collections::BTreeMap;

use qdrant_client::qdrant as wire;
use tonic::{Request, Response, Status};
use wire::collections_server::Collections;
use wire::points_server::Points;
use wire::qdrant_server::Qdrant;

use super::answers::{admits, named, nearest, output};
use super::{Door, Stored, leave};

type Answer<T> = Result<Response<T>, Status>;

fn collection<'a>(all: &'a mut BTreeMap<String, Stored>, name: &str) -> Result<&'a mut Stored, Status> {
    all.get_mut(name)
        .ok_or_else(|| Status::not_found(format!("Not found: Collection `{name}` doesn't exist!")))
}

fn uuid(id: Option<&wire::PointId>) -> Result<String, Status> {
    match id.and_then(|id| id.point_id_options.as_ref()) {
        Some(wire::point_id::PointIdOptions::Uuid(uuid)) => Ok(uuid.clone()),
        _ => Err(Status::invalid_argument("a point id the stand-in knows not")),
    }
}

fn point_id(uuid: &str) -> wire::PointId {
    wire::PointId { point_id_options: Some(wire::point_id::PointIdOptions::Uuid(uuid.to_owned())) }
}

fn done() -> wire::PointsOperationResponse {
    wire::PointsOperationResponse {
        result: Some(wire::UpdateResult {
            operation_id: Some(0),
            status: wire::UpdateStatus::Completed.into(),
        }),
        ..wire::PointsOperationResponse::default()
    }
}

fn retrieved(id: &str, point: &wire::PointStruct, vectors: bool) -> wire::RetrievedPoint {
    wire::RetrievedPoint {
        id: Some(point_id(id)),
        payload: point.payload.clone(),
        vectors: output(point, vectors),
        ..wire::RetrievedPoint::default()
    }
}

/// An implementation with some methods written and the others refused.
macro_rules! service {
    ($service:ident { $($written:tt)* } $($name:ident $request:ident $response:ident,)*) => {
        #[tonic::async_trait]
        impl $service for Door {
            $($written)*
            $(async fn $name(&self, _: Request<wire::$request>) -> Answer<wire::$response> {
                Err(Status::unimplemented("not in the stand-in"))
            })*
        }
    };
}

service! { Qdrant {
    async fn health_check(&self, request: Request<wire::HealthCheckRequest>) -> Answer<wire::HealthCheckReply> {
        leave(self.enter(&request).await?, wire::HealthCheckReply::default())
    }
} }

service! { Collections {
    async fn create(&self, request: Request<wire::CreateCollection>) -> Answer<wire::CollectionOperationResponse> {
        let lost = self.enter(&request).await?;
        let request = request.into_inner();
        let vectors = request.vectors_config.and_then(|config| config.config);
        let Some(wire::vectors_config::Config::ParamsMap(vectors)) = vectors else {
            return Err(Status::invalid_argument("named vectors are wanted"));
        };
        let dense = &vectors.map["dense"];
        let sparse = request.sparse_vectors_config.unwrap_or_default();
        if sparse.map["words"].modifier != Some(wire::Modifier::Idf.into())
            || dense.distance != i32::from(wire::Distance::Dot)
        {
            return Err(Status::invalid_argument("another distance or modifier than the stand-in has"));
        }
        let mut all = self.collections();
        if all.contains_key(&request.collection_name) {
            return Err(Status::invalid_argument("Wrong input: Collection already exists!"));
        }
        all.insert(request.collection_name, Stored {
            dimension: usize::try_from(dense.size).unwrap(),
            shape: (request.shard_number, request.replication_factor, request.write_consistency_factor),
            quantized: dense.quantization_config.is_some(),
            ..Stored::default()
        });
        leave(lost, wire::CollectionOperationResponse { result: true, time: 0.0 })
    }

    async fn collection_exists(&self, request: Request<wire::CollectionExistsRequest>) -> Answer<wire::CollectionExistsResponse> {
        let lost = self.enter(&request).await?;
        let exists = self.collections().contains_key(&request.into_inner().collection_name);
        leave(lost, wire::CollectionExistsResponse { result: Some(wire::CollectionExists { exists }), time: 0.0 })
    }

    async fn update_aliases(&self, request: Request<wire::ChangeAliases>) -> Answer<wire::CollectionOperationResponse> {
        let lost = self.enter(&request).await?;
        for operation in request.into_inner().actions {
            let Some(wire::alias_operations::Action::CreateAlias(alias)) = operation.action else {
                return Err(Status::invalid_argument("an action the stand-in knows not"));
            };
            self.aliases().insert(alias.alias_name, alias.collection_name);
        }
        leave(lost, wire::CollectionOperationResponse { result: true, time: 0.0 })
    }

    async fn list_aliases(&self, request: Request<wire::ListAliasesRequest>) -> Answer<wire::ListAliasesResponse> {
        let lost = self.enter(&request).await?;
        let aliases = self.aliases().iter().map(|(alias, collection)| wire::AliasDescription {
            alias_name: alias.clone(),
            collection_name: collection.clone(),
        }).collect();
        leave(lost, wire::ListAliasesResponse { aliases, time: 0.0 })
    }
}
    get GetCollectionInfoRequest GetCollectionInfoResponse,
    list ListCollectionsRequest ListCollectionsResponse,
    update UpdateCollection CollectionOperationResponse,
    delete DeleteCollection CollectionOperationResponse,
    list_collection_aliases ListCollectionAliasesRequest ListAliasesResponse,
    collection_cluster_info CollectionClusterInfoRequest CollectionClusterInfoResponse,
    update_collection_cluster_setup UpdateCollectionClusterSetupRequest UpdateCollectionClusterSetupResponse,
    create_shard_key CreateShardKeyRequest CreateShardKeyResponse,
    delete_shard_key DeleteShardKeyRequest DeleteShardKeyResponse,
    list_shard_keys ListShardKeysRequest ListShardKeysResponse,
}

service! { Points {
    async fn upsert(&self, request: Request<wire::UpsertPoints>) -> Answer<wire::PointsOperationResponse> {
        let lost = self.enter(&request).await?;
        let request = request.into_inner();
        let mut all = self.collections();
        let stored = collection(&mut all, &request.collection_name)?;
        for point in &request.points {
            match named(point, "dense") {
                Some(wire::vector::Vector::Dense(dense)) if dense.data.len() == stored.dimension => {}
                _ => return Err(Status::invalid_argument("Wrong input: Vector dimension error")),
            }
        }
        stored.ordering = request.ordering;
        for point in request.points {
            stored.points.insert(uuid(point.id.as_ref())?, point);
        }
        leave(lost, done())
    }

    async fn delete(&self, request: Request<wire::DeletePoints>) -> Answer<wire::PointsOperationResponse> {
        let lost = self.enter(&request).await?;
        let request = request.into_inner();
        let mut all = self.collections();
        let stored = collection(&mut all, &request.collection_name)?;
        match request.points.and_then(|points| points.points_selector_one_of) {
            Some(wire::points_selector::PointsSelectorOneOf::Points(named)) => {
                for id in &named.ids {
                    stored.points.remove(&uuid(Some(id))?);
                }
            }
            Some(wire::points_selector::PointsSelectorOneOf::Filter(filter)) => {
                let mut gone = Vec::new();
                for (id, point) in &stored.points {
                    if admits(Some(&filter), &point.payload)? {
                        gone.push(id.clone());
                    }
                }
                stored.points.retain(|id, _| !gone.contains(id));
            }
            None => return Err(Status::invalid_argument("no points")),
        }
        leave(lost, done())
    }

    async fn get(&self, request: Request<wire::GetPoints>) -> Answer<wire::GetResponse> {
        let lost = self.enter(&request).await?;
        let request = request.into_inner();
        let mut all = self.collections();
        let stored = collection(&mut all, &request.collection_name)?;
        let mut result = Vec::new();
        for id in &request.ids {
            let id = uuid(Some(id))?;
            result.extend(stored.points.get(&id).map(|point| retrieved(&id, point, request.with_vectors.is_some())));
        }
        leave(lost, wire::GetResponse { result, ..wire::GetResponse::default() })
    }

    async fn scroll(&self, request: Request<wire::ScrollPoints>) -> Answer<wire::ScrollResponse> {
        let lost = self.enter(&request).await?;
        let request = request.into_inner();
        let mut all = self.collections();
        let stored = collection(&mut all, &request.collection_name)?;
        let from = request.offset.as_ref().map(|id| uuid(Some(id))).transpose()?.unwrap_or_default();
        let limit = request.limit.unwrap_or(10) as usize;
        let mut result = Vec::new();
        let mut next_page_offset = None;
        for (id, point) in stored.points.range(from..) {
            if admits(request.filter.as_ref(), &point.payload)? {
                if result.len() == limit {
                    next_page_offset = Some(point_id(id));
                    break;
                }
                result.push(retrieved(id, point, request.with_vectors.is_some()));
            }
        }
        leave(lost, wire::ScrollResponse { next_page_offset, result, ..wire::ScrollResponse::default() })
    }

    async fn count(&self, request: Request<wire::CountPoints>) -> Answer<wire::CountResponse> {
        let lost = self.enter(&request).await?;
        let request = request.into_inner();
        let mut all = self.collections();
        let stored = collection(&mut all, &request.collection_name)?;
        let mut count = 0;
        for point in stored.points.values() {
            count += u64::from(admits(request.filter.as_ref(), &point.payload)?);
        }
        leave(lost, wire::CountResponse { result: Some(wire::CountResult { count }), ..wire::CountResponse::default() })
    }

    async fn query_batch(&self, request: Request<wire::QueryBatchPoints>) -> Answer<wire::QueryBatchResponse> {
        let lost = self.enter(&request).await?;
        let request = request.into_inner();
        let mut all = self.collections();
        let stored = collection(&mut all, &request.collection_name)?;
        let mut result = Vec::new();
        for query in &request.query_points {
            let points = nearest(stored, query)?.into_iter().map(|(score, id, point)| wire::ScoredPoint {
                id: Some(point_id(id)),
                payload: point.payload.clone(),
                score,
                vectors: output(point, query.with_vectors.is_some()),
                ..wire::ScoredPoint::default()
            });
            result.push(wire::BatchResult { result: points.collect() });
        }
        leave(lost, wire::QueryBatchResponse { result, ..wire::QueryBatchResponse::default() })
    }

    async fn facet(&self, request: Request<wire::FacetCounts>) -> Answer<wire::FacetResponse> {
        let lost = self.enter(&request).await?;
        let request = request.into_inner();
        let mut all = self.collections();
        let stored = collection(&mut all, &request.collection_name)?;
        if !stored.indexes.contains(&request.key) {
            return Err(Status::invalid_argument("Bad request: no index for this key"));
        }
        let mut counts: BTreeMap<String, u64> = BTreeMap::new();
        for point in stored.points.values() {
            if let Some(wire::value::Kind::StringValue(value)) =
                point.payload.get(&request.key).and_then(|value| value.kind.clone())
            {
                *counts.entry(value).or_default() += 1;
            }
        }
        let hits = counts.into_iter().map(|(value, count)| wire::FacetHit {
            value: Some(wire::FacetValue { variant: Some(wire::facet_value::Variant::StringValue(value)) }),
            count,
        });
        leave(lost, wire::FacetResponse { hits: hits.collect(), ..wire::FacetResponse::default() })
    }

    async fn create_field_index(&self, request: Request<wire::CreateFieldIndexCollection>) -> Answer<wire::PointsOperationResponse> {
        let lost = self.enter(&request).await?;
        let request = request.into_inner();
        collection(&mut self.collections(), &request.collection_name)?.indexes.insert(request.field_name);
        leave(lost, done())
    }
}
    update_vectors UpdatePointVectors PointsOperationResponse,
    delete_vectors DeletePointVectors PointsOperationResponse,
    set_payload SetPayloadPoints PointsOperationResponse,
    overwrite_payload SetPayloadPoints PointsOperationResponse,
    delete_payload DeletePayloadPoints PointsOperationResponse,
    clear_payload ClearPayloadPoints PointsOperationResponse,
    delete_field_index DeleteFieldIndexCollection PointsOperationResponse,
    create_vector_name CreateVectorNameRequest PointsOperationResponse,
    delete_vector_name DeleteVectorNameRequest PointsOperationResponse,
    search SearchPoints SearchResponse,
    search_batch SearchBatchPoints SearchBatchResponse,
    search_groups SearchPointGroups SearchGroupsResponse,
    recommend RecommendPoints RecommendResponse,
    recommend_batch RecommendBatchPoints RecommendBatchResponse,
    recommend_groups RecommendPointGroups RecommendGroupsResponse,
    discover DiscoverPoints DiscoverResponse,
    discover_batch DiscoverBatchPoints DiscoverBatchResponse,
    update_batch UpdateBatchPoints UpdateBatchResponse,
    query QueryPoints QueryResponse,
    query_groups QueryPointGroups QueryGroupsResponse,
    search_matrix_pairs SearchMatrixPoints SearchMatrixPairsResponse,
    search_matrix_offsets SearchMatrixPoints SearchMatrixOffsetsResponse,
}
