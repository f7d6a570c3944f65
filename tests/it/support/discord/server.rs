//! The accept loop, and one request from its arrival to its answer.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use http_body_util::{BodyExt, Limited};
use hyper::{Request, Response, body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{net::TcpListener, task::JoinSet};

use super::{
    State,
    answer::Answer,
    contract,
    faults::Fault,
    limits::{self, Standing},
    lock,
    request::{Seen, parse_query},
    routes::{self, Route},
    strike::Before,
    wire::{Cut, Outgoing, Reply},
};

/// What Discord takes at most.
const BODY_LIMIT: usize = 25 << 20;
const BODY_TIME: Duration = Duration::from_secs(30);

/// Accepts until it is aborted; the connections are its own and end with it.
pub async fn accept(listener: TcpListener, state: Arc<Mutex<State>>) {
    let mut connections = JoinSet::new();
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            // Out of descriptors, most likely: without a pause this would spin.
            tokio::time::sleep(Duration::from_millis(10)).await;
            continue;
        };
        // Finished ones are let go here, so that the set does not grow with every connection.
        while connections.try_join_next().is_some() {}
        let state = Arc::clone(&state);
        connections.spawn(async move {
            let service = service_fn(move |request| answer(Arc::clone(&state), request));
            let connection = http1::Builder::new()
                .timer(TokioTimer::new())
                .serve_connection(TokioIo::new(stream), service);
            // An error here is a client that went away, or a cut on purpose.
            let _ = connection.await;
        });
    }
}

async fn answer(
    state: Arc<Mutex<State>>,
    request: Request<Incoming>,
) -> Result<Response<Outgoing>, Cut> {
    let seen = read(request).await?;
    let reply = reply(&state, &seen).await?;
    lock(&state).counts.answered(&seen, reply.status);
    Ok(reply.into_response())
}

async fn reply(state: &Mutex<State>, seen: &Seen) -> Result<Reply, Cut> {
    let route = routes::find(&seen.method, &seen.path);
    let known = route.as_ref().ok();
    let (standing, fault) = match arrive(state, seen, known) {
        Ok(admitted) => admitted,
        Err(refusal) => return Ok(leave(state, refusal, &Standing::Free, known, None).into()),
    };
    let before = match &fault {
        Some(fault) => fault.before().await?,
        None => Before::Perform,
    };
    let answer = match before {
        Before::Reply(reply) => return Ok(reply),
        Before::Answer(answer) => answer,
        Before::Perform => routes::perform(&mut lock(state).world, &route, seen),
    };
    let answer = leave(state, answer, &standing, known, fault.as_ref());
    match &fault {
        Some(fault) => fault.after(answer).await,
        None => Ok(Reply::from(answer)),
    }
}

async fn read(request: Request<Incoming>) -> Result<Seen, Cut> {
    let (parts, body) = request.into_parts();
    let body = Limited::new(body, BODY_LIMIT).collect();
    let body = tokio::time::timeout(BODY_TIME, body).await;
    let body = body.map_err(|_| Cut)?.map_err(|_| Cut)?;
    let raw_query = parts.uri.query().unwrap_or_default().to_owned();
    Ok(Seen {
        method: parts.method.to_string(),
        path: parts.uri.path().to_owned(),
        query: parse_query(&raw_query),
        raw_query,
        headers: parts.headers,
        body: body.to_bytes().to_vec(),
    })
}

/// Notes the request, holds it against the description and the limits, and finds the fault it meets.
fn arrive(
    state: &Mutex<State>,
    seen: &Seen,
    route: Option<&Route>,
) -> Result<(Standing, Option<Fault>), Answer> {
    let mut state = lock(state);
    state.seen.push(seen.clone());
    if let (Some(contract), Some(route)) = (contract::get(), route) {
        let breaches = contract.request(route.template, seen);
        state.violations.extend(breaches);
    }
    let standing = state.counts.admit(route, seen)?;
    Ok((standing, state.faults.take(route, seen)))
}

/// Holds the answer against the description and adds the rate-limit headers.
fn leave(
    state: &Mutex<State>,
    answer: Answer,
    standing: &Standing,
    route: Option<&Route>,
    fault: Option<&Fault>,
) -> Answer {
    let Some(route) = route else {
        return answer;
    };
    let mut state = lock(state);
    let checked = !state.world.off_contract && fault.is_none_or(Fault::keeps_the_form);
    if let Some(contract) = contract::get().filter(|_| checked) {
        let breaches = contract.answer(route.template, &answer);
        state.violations.extend(breaches);
    }
    limits::with_headers(answer, standing, route)
}
