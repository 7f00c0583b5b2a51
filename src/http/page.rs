//! The page to try the gate with: static assets, with the headers that `public/_headers` gives them.

use worker::wasm_bindgen::JsCast;
use worker::{Fetcher, Request};

use super::problem::Problem;
use super::{Asked, Failure, no_store};
use crate::platform::wire::Answer;

/// The asset at the request's path, or no such route.
pub async fn answer(page: Option<&Fetcher>, asked: &Asked<'_>) -> Result<Answer, Failure> {
    let Some(assets) = page.filter(|_| matches!(asked.request.method(), "GET" | "HEAD")) else {
        return Err(Problem::NotFound.into());
    };
    let (base, raw) = (asked.target.base.as_str(), asked.request.raw());
    if base.is_empty() {
        // The same request under another handle.
        let response = assets.fetch_request(Request::from(Clone::clone(raw))).await?;
        return if response.status_code() < 400 {
            Ok(Answer::Raw(response.into()))
        } else {
            Err(Problem::NotFound.into())
        };
    }
    // What the page names is beside it, so it stands at a path with a slash at its end.
    if asked.target.path.is_empty() {
        return Ok(no_store(307).header("Location", &format!("{base}/")).into());
    }
    // The assets don't know where the gate stands.
    let url = format!("{}{}", asked.target.origin(), asked.target.path);
    let request = web_sys::Request::new_with_str_and_init(&url, raw.unchecked_ref())?;
    let response: web_sys::Response = assets.fetch_request(Request::from(request)).await?.into();
    if response.status() >= 400 {
        return Err(Problem::NotFound.into());
    }
    let Some(location) = response.headers().get("Location")? else { return Ok(Answer::Raw(response)) };
    let moved = web_sys::Response::new_with_opt_str_and_init(None, response.unchecked_ref())?;
    moved.headers().set("Location", &format!("{base}{location}"))?;
    Ok(Answer::Raw(moved))
}
