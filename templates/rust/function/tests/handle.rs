use axum::http::Method;
use serde_json::json;

#[tokio::test]
async fn says_hello_and_gives_back_what_it_received() {
    let answer = function::handle(Method::POST, "hi".into()).await.0;
    assert_eq!(answer, json!({ "message": "Hello from Rust", "method": "POST", "received": "hi" }));
}
