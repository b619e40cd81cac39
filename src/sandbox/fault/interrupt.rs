//! Makes the faults happen: between the listener and the endpoint.

use std::{any::Any, io, time::Duration};

use actix_web::{
    Error, HttpRequest, HttpResponse,
    body::{BoxBody, MessageBody, SizedStream, to_bytes},
    dev::{Extensions, ServiceRequest, ServiceResponse},
    error,
    http::StatusCode,
    middleware::Next,
    rt::net::TcpStream,
    web::{self, Bytes},
};
use futures_util::{StreamExt, stream};
use socket2::{SockRef, Socket};

use super::{Fault, Reset};
use crate::{
    ids,
    sandbox::{errcode::Errcode, page, page_error::PageError, qrconnect, shared::Shared},
};

/// A second handle on the connection, to reset it by.
struct Wire(Socket);

/// Keeps a handle on each connection.
pub(in crate::sandbox) fn remember_wire(connection: &dyn Any, data: &mut Extensions) {
    let wire = connection
        .downcast_ref::<TcpStream>()
        .and_then(|stream| SockRef::from(stream).try_clone().ok());
    if let Some(socket) = wire {
        data.insert(Wire(socket));
    }
}

/// The middleware.
pub(in crate::sandbox) async fn interrupt(
    shared: web::Data<Shared>,
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let fault = shared.lock().faults.strike(request.path(), chance);
    let Some(fault) = fault else {
        return Ok(next.call(request).await?.map_into_boxed_body());
    };
    tracing::debug!(endpoint = fault.endpoint, "a fault strikes");
    if let Some(latency) = fault.latency_ms {
        shared.clock.sleep(Duration::from_millis(latency)).await;
    }
    if let Some(length) = fault.truncate {
        let response = next.call(request).await?.map_into_boxed_body();
        return truncate(response, length).await;
    }
    if fault.reset == Some(Reset::After) {
        let (request, _) = next.call(request).await?.into_parts();
        let response = reset(&request);
        return Ok(ServiceResponse::new(request, response));
    }
    let response = if fault.reset == Some(Reset::Before) {
        Some(reset(request.request()))
    } else {
        instead(&fault, &shared, request.request())
    };
    match response {
        Some(response) => Ok(request.into_response(response)),
        None => Ok(next.call(request).await?.map_into_boxed_body()),
    }
}

/// What is answered instead, unless the fault only takes time.
fn instead(fault: &Fault, shared: &Shared, request: &HttpRequest) -> Option<HttpResponse> {
    if let Some(errcode) = fault.errcode {
        return Some(refusal(errcode, shared, request));
    }
    if fault.status.is_none() && fault.body.is_none() {
        return None;
    }
    let status = fault
        .status
        .and_then(|status| StatusCode::from_u16(status).ok())
        .unwrap_or(StatusCode::OK);
    let body = fault
        .body
        .clone()
        .unwrap_or_else(|| format!("<html><body><h1>{status}</h1></body></html>"));
    let kind = if body.starts_with('<') {
        "text/html"
    } else {
        "text/plain"
    };
    Some(HttpResponse::build(status).content_type(kind).body(body))
}

/// As the endpoint refuses: by a page, a script, or JSON.
fn refusal(errcode: i32, shared: &Shared, request: &HttpRequest) -> HttpResponse {
    let path = request.path();
    if let Some(response) = qrconnect::injected(errcode, request) {
        return response;
    }
    if path.starts_with("/connect/") {
        let language = page::Language::of(request);
        return PageError::injected(errcode).respond(language);
    }
    Errcode(errcode).respond(request, shared.clock.now())
}

/// An answer that breaks off: it says how long it is, and is shorter.
async fn truncate(
    response: ServiceResponse<BoxBody>,
    length: usize,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let (request, response) = response.into_parts();
    let (response, body) = response.into_parts();
    let whole = to_bytes(body)
        .await
        .map_err(error::ErrorInternalServerError)?;
    let response = if length < whole.len() {
        let broken = stream::once(async {
            // First what was sent before has to leave.
            tokio::task::yield_now().await;
            Err(io::Error::from(io::ErrorKind::ConnectionReset))
        });
        let part = stream::iter([Ok(whole.slice(..length))]).chain(broken);
        let size = u64::try_from(whole.len()).unwrap_or(u64::MAX);
        response.set_body(BoxBody::new(SizedStream::new(size, Box::pin(part))))
    } else {
        response.set_body(BoxBody::new(whole))
    };
    Ok(ServiceResponse::new(request, response))
}

/// An answer that never arrives: the peer gets RST.
fn reset(request: &HttpRequest) -> HttpResponse {
    if let Some(wire) = request.conn_data::<Wire>() {
        // Should it fail, the peer sees the connection closed in mid-answer, which is as bad.
        let _ = wire.0.set_linger(Some(Duration::ZERO));
    }
    let broken =
        stream::once(async { Err::<Bytes, _>(io::Error::from(io::ErrorKind::ConnectionReset)) });
    HttpResponse::Ok().streaming(broken)
}

/// A number below 1.
pub(in crate::sandbox) fn chance() -> f64 {
    u32::try_from(ids::below(1_000_000)).map_or(0.0, |n| f64::from(n) / 1e6)
}
