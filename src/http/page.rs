//! The page to try the gate with: static assets, with the headers that `public/_headers` gives them.

use worker::{Fetcher, Request};

use super::problem::Problem;
use super::{Asked, Failure};
use crate::platform::wire::Answer;

/// The asset at the request's path, or no such route.
pub async fn answer(page: Option<&Fetcher>, asked: &Asked<'_>) -> Result<Answer, Failure> {
    let Some(assets) = page.filter(|_| matches!(asked.request.method(), "GET" | "HEAD")) else {
        return Err(Problem::NotFound.into());
    };
    // The same request under another handle.
    let response = assets.fetch_request(Request::from(Clone::clone(asked.request.raw()))).await?;
    if response.status_code() < 400 { Ok(Answer::Raw(response.into())) } else { Err(Problem::NotFound.into()) }
}
