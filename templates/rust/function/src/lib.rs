use axum::{http::Method, Json};
use serde_json::{json, Value};

/// Answers one request; many run at once. Any axum handler will do: arguments are taken from the request, the result becomes the answer.
pub async fn handle(method: Method, body: String) -> Json<Value> {
    Json(json!({ "message": "Hello from Rust", "method": method.as_str(), "received": body }))
}
