//! The server that the tests with real clients talk to: the methods of the official clients' own test hub, and some more.
//!
//! `conformance [ADDRESS]` prints the address that it listens on, and serves until its standard input ends.

mod hubs;
mod methods;
mod streams;

use std::net::SocketAddr;

use axum::Router;
use axum::http::StatusCode;
use axum::routing::{any, get, post};
use tokio::io::AsyncReadExt;

#[tokio::main]
async fn main() -> std::io::Result<()> {
    let address = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:0".to_owned());
    let listener = tokio::net::TcpListener::bind(address).await?;
    let address = listener.local_addr()?;
    let (router, hubs) = routes(address);
    println!("conformance listening on http://{address}");
    let served = axum::serve(listener, router);
    tokio::select! {
        served = served => served,
        () = input_ends() => {
            for hub in hubs {
                hub.shutdown().await;
            }
            Ok(())
        }
    }
}

fn routes(address: SocketAddr) -> (Router, Vec<milepost_signalr::Hub>) {
    let restarted = hubs::restartable();
    let all = [
        ("/testhub", hubs::detailed()),
        ("/plainhub", hubs::plain()),
        ("/testhub-nowebsockets", hubs::without_websockets()),
        ("/authorizedhub", hubs::authorized()),
        ("/uncreatable", hubs::uncreatable()),
        ("/stateless", hubs::stateless()),
        ("/impatient", hubs::impatient()),
        ("/restartable", restarted.clone()),
    ];
    let mut router = Router::new()
        .route("/bad-negotiate/negotiate", any(|| async { StatusCode::BAD_REQUEST }))
        .route("/refused/negotiate", post(|| async { r#"{"error":"not today"}"# }))
        .route(
            "/redirect/negotiate",
            post(move || async move { axum::Json(hubs::redirect(&format!("http://{address}/testhub"))) }),
        )
        .route("/restartable/shutdown", get(move || async move { restarted.shutdown().await }));
    let mut hubs = Vec::new();
    for (path, hub) in all {
        router = router.nest(path, hub.router());
        hubs.push(hub);
    }
    (router, hubs)
}

async fn input_ends() {
    let mut rest = Vec::new();
    drop(tokio::io::stdin().read_to_end(&mut rest).await);
}
