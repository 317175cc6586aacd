//! Serves function/src/lib.rs. The watchdog starts it once (mode=http), says in PORT where to listen, and relays every request to it.

use axum::extract::{DefaultBodyLimit, Request};
use axum::http::StatusCode;
use axum::middleware::{from_fn, Next};
use axum::response::{IntoResponse, Response};
use axum::Router;
use std::error::Error;
use tokio::net::TcpListener;
use tokio::signal::unix::{signal, SignalKind};
use tokio::task::JoinSet;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    // The watchdog hears of the end, too: it relays until callers have noticed and the last call is answered, then ends this process.
    let _taken = signal(SignalKind::terminate())?;
    let port: u16 = std::env::var("PORT")?.parse()?;
    let listener = TcpListener::bind(("127.0.0.1", port)).await?;
    // How long a body may be is the platform's to say, or the handler's.
    let app = Router::new().fallback(function::handle).layer(from_fn(survive)).layer(DefaultBodyLimit::disable());
    Ok(axum::serve(listener, app).await?)
}

/// Answers 500 with one neutral sentence where the handler panics; why is in the log. A client that leaves ends its handler.
async fn survive(request: Request, next: Next) -> Response {
    let mut call = JoinSet::new();
    call.spawn(next.run(request));
    match call.join_next().await {
        Some(Ok(response)) => response,
        _ => (StatusCode::INTERNAL_SERVER_ERROR, "The function failed; its log says why.\n").into_response(),
    }
}
