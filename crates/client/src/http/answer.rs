//! Reading answers.

use milepost_wire::native::Problem;
use reqwest::{RequestBuilder, Response};
use serde::de::DeserializeOwned;

use crate::caps::PROBLEM_BYTES;
use crate::error::ClientError;

/// Sends a request and reads the answer.
pub(super) async fn read<T: DeserializeOwned>(request: RequestBuilder) -> Result<T, ClientError> {
    body(checked(send(request).await?).await?).await
}

/// Sends a request. Whatever the server answers is fine.
pub(super) async fn send(request: RequestBuilder) -> Result<Response, ClientError> {
    request.send().await.map_err(|error| unreachable(&error))
}

/// Turns an answer that is no success into its refusal.
pub(super) async fn checked(mut response: Response) -> Result<Response, ClientError> {
    let status = response.status();
    if status.is_success() {
        return Ok(response);
    }
    let mut text = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| unreachable(&error))? {
        text.extend_from_slice(&chunk);
        if text.len() > PROBLEM_BYTES {
            break;
        }
    }
    match serde_json::from_slice::<Problem>(&text) {
        Ok(problem) => Err(problem.into()),
        // Something between us and the server answered.
        Err(_) => Err(ClientError::Refused {
            code: format!("http_{}", status.as_u16()),
            status: status.as_u16(),
            detail: format!("{status}, and no problem document"),
            cancel: None,
            index: None,
        }),
    }
}

/// Reads the body of a success.
pub(super) async fn body<T: DeserializeOwned>(response: Response) -> Result<T, ClientError> {
    let bytes = response.bytes().await.map_err(|error| unreachable(&error))?;
    serde_json::from_slice(&bytes).map_err(|error| ClientError::Unintelligible(error.to_string()))
}

/// The whole chain of causes, because reqwest's own message says little; without the URL, which may have a token in it.
pub(super) fn unreachable(error: &reqwest::Error) -> ClientError {
    let mut text = if error.is_timeout() { "it took too long".to_owned() } else { "no connection".to_owned() };
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    ClientError::Unreachable(text)
}
