//! A Discord that answers at once, always the same, and never limits anybody. It checks nothing:
//! what the checks of the tests' stand-in cost would fall on the machine that is measured.

use std::convert::Infallible;

use axum::body::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response};
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;

use super::forms;

/// The bodies, made once.
#[derive(Clone)]
struct Bodies {
    channel: Bytes,
    page: Bytes,
    sent: Bytes,
}

/// Serves on `listener` until the process ends.
pub async fn serve(listener: TcpListener) {
    let bodies = Bodies {
        channel: forms::channel().into(),
        page: forms::page().into(),
        sent: forms::sent().into(),
    };
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        stream.set_nodelay(true).unwrap();
        let bodies = bodies.clone();
        let service = service_fn(move |request| answer(request, bodies.clone()));
        let connection = http1::Builder::new().serve_connection(TokioIo::new(stream), service);
        tokio::spawn(async move { connection.await.ok() });
    }
}

async fn answer(
    request: Request<Incoming>,
    bodies: Bodies,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let (head, body) = request.into_parts();
    // A connection is kept only where the request has been read whole.
    body.collect().await.ok();
    let path: Vec<&str> = head.uri.path().split('/').skip(3).collect();
    let (status, body) = match (head.method, &path[..]) {
        (Method::GET, ["channels", _]) => (200, bodies.channel),
        (Method::GET, ["channels", _, "messages"]) => (200, bodies.page),
        (Method::POST, ["channels", _, "messages"]) => (200, bodies.sent),
        (Method::DELETE, ["channels", _, "messages", _]) => (204, Bytes::new()),
        _ => (
            404,
            Bytes::from_static(br#"{"message": "404: Not Found", "code": 0}"#),
        ),
    };
    // The headers that Discord sends with its answers, with more room than anybody uses.
    let answer = Response::builder()
        .status(status)
        .header("content-type", "application/json")
        .header(
            "strict-transport-security",
            "max-age=31536000; includeSubDomains; preload",
        )
        .header("x-ratelimit-bucket", "3cb5b3a3f1a8a9a5b5b8a9a5b5b8a9a5")
        .header("x-ratelimit-limit", "1000")
        .header("x-ratelimit-remaining", "999")
        .header("x-ratelimit-reset", "1795427998.123")
        .header("x-ratelimit-reset-after", "1.000")
        .header("vary", "Accept-Encoding")
        .header("via", "1.1 google")
        .header("cf-cache-status", "DYNAMIC")
        .header("x-content-type-options", "nosniff")
        .header("server", "cloudflare")
        .header("cf-ray", "8e9f0a1b2c3d4e5f-FRA");
    Ok(answer.body(Full::new(body)).unwrap())
}
