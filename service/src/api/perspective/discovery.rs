//! `GET /$discovery/rest?version=v1alpha1`: the document that the vendor's client libraries are built from. Whoever gives
//! them its address here has moved.

use actix_web::{HttpRequest, HttpResponse, web};
use serde_json::{Value, json};

use super::answer::Answer;
use super::error::GoogleError;
use crate::api::links::Links;
use crate::error::ApiError;

const VERSION: &str = "v1alpha1";

/// The document, with this service as its root.
pub(super) async fn document(
    request: HttpRequest,
    links: web::Data<Links>,
) -> Result<HttpResponse, GoogleError> {
    let pairs = web::Query::<Vec<(String, String)>>::from_query(request.query_string());
    let pairs = pairs.map(web::Query::into_inner).unwrap_or_default();
    if pairs.iter().any(|(name, version)| name == "version" && version != VERSION) {
        return Err(ApiError::NotFound.into());
    }
    Ok(Answer::new(&written(&links.to(&request, "/")))?.respond())
}

fn written(root: &str) -> Value {
    json!({
        "kind": "discovery#restDescription", "discoveryVersion": "v1", "id": "commentanalyzer:v1alpha1",
        "name": "commentanalyzer", "version": VERSION, "title": "Perspective Comment Analyzer API",
        "revision": "20260504", "protocol": "rest", "rootUrl": root, "servicePath": "", "baseUrl": root,
        "basePath": "", "batchPath": "batch", "parameters": parameters(),
        "resources": {"comments": {"methods": {
            "analyze": method("analyze", ["AnalyzeCommentRequest", "AnalyzeCommentResponse"]),
            "suggestscore": method("suggestscore", ["SuggestCommentScoreRequest", "SuggestCommentScoreResponse"]),
        }}},
        "schemas": schemas(),
    })
}

fn method(name: &str, [request, response]: [&str; 2]) -> Value {
    let path = format!("{VERSION}/comments:{name}");
    json!({
        "id": format!("commentanalyzer.comments.{name}"), "path": path, "flatPath": path, "httpMethod": "POST",
        "parameterOrder": [], "parameters": {}, "request": {"$ref": request}, "response": {"$ref": response},
    })
}

/// Parameters that every method takes. Clients refuse calls with one that is not declared.
fn parameters() -> Value {
    let names = [
        "$.xgafv",
        "access_token",
        "alt",
        "callback",
        "fields",
        "key",
        "oauth_token",
        "prettyPrint",
        "quotaUser",
        "uploadType",
        "upload_protocol",
    ];
    let declared = names.map(|name| (name.to_owned(), json!({"type": "string", "location": "query"})));
    Value::Object(declared.into_iter().collect())
}

fn schemas() -> Value {
    let (string, boolean) = (json!({"type": "string"}), json!({"type": "boolean"}));
    let (float, int) =
        (json!({"type": "number", "format": "float"}), json!({"type": "integer", "format": "int32"}));
    let strings = json!({"type": "array", "items": string});
    let refers = |name: &str| json!({"$ref": name});
    let list = |name: &str| json!({"type": "array", "items": {"$ref": name}});
    let map = |name: &str| json!({"type": "object", "additionalProperties": {"$ref": name}});
    let members = [
        ("TextEntry", json!({"text": string, "type": string})),
        (
            "ArticleAndParentComment",
            json!({"article": refers("TextEntry"), "parentComment": refers("TextEntry")}),
        ),
        (
            "Context",
            json!({
                "entries": list("TextEntry"), "articleAndParentComment": refers("ArticleAndParentComment"),
            }),
        ),
        ("AttributeParameters", json!({"scoreType": string, "scoreThreshold": float})),
        ("Score", json!({"value": float, "type": string})),
        ("SpanScore", json!({"begin": int, "end": int, "score": refers("Score")})),
        ("AttributeScores", json!({"summaryScore": refers("Score"), "spanScores": list("SpanScore")})),
        (
            "AnalyzeCommentRequest",
            json!({
                "comment": refers("TextEntry"), "context": refers("Context"), "languages": strings,
                "requestedAttributes": map("AttributeParameters"), "spanAnnotations": boolean,
                "doNotStore": boolean, "clientToken": string, "sessionId": string, "communityId": string,
            }),
        ),
        (
            "AnalyzeCommentResponse",
            json!({
                "attributeScores": map("AttributeScores"), "languages": strings, "detectedLanguages": strings,
                "clientToken": string,
            }),
        ),
        (
            "SuggestCommentScoreRequest",
            json!({
                "comment": refers("TextEntry"), "context": refers("Context"), "languages": strings,
                "attributeScores": map("AttributeScores"), "clientToken": string, "sessionId": string,
                "communityId": string,
            }),
        ),
        (
            "SuggestCommentScoreResponse",
            json!({"detectedLanguages": strings, "requestedLanguages": strings, "clientToken": string}),
        ),
    ];
    let schema = |(name, properties): (&str, Value)| {
        (name.to_owned(), json!({"id": name, "type": "object", "properties": properties}))
    };
    Value::Object(members.into_iter().map(schema).collect())
}
