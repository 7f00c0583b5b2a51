//! The page to try the gate with: static assets, with the headers that `public/_headers` gives them.

use worker::{Fetcher, Request, Response};

use super::problem::Problem;
use super::{Asked, Failure};

/// The asset at the request's path, or no such route.
pub async fn answer(page: Option<&Fetcher>, asked: &Asked<'_>) -> Result<Response, Failure> {
    let Some(assets) = page.filter(|_| matches!(asked.method.as_str(), "GET" | "HEAD")) else {
        return Err(Problem::NotFound.into());
    };
    // The same request under another handle.
    let response = assets.fetch_request(Request::from(Clone::clone(asked.request.inner()))).await?;
    if response.status_code() < 400 { Ok(response) } else { Err(Problem::NotFound.into()) }
}
