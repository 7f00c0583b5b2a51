//! How long a store is waited for.

use std::future::Future;
use std::pin::pin;
use std::time::Duration;

use futures_util::future::{Either, select};
use worker::Delay;

use crate::store::{Cause, StoreError};

/// The future's output, or, after so many milliseconds, "no answer". What was asked may still happen: the caller knows
/// nothing, and says so.
pub async fn within<T>(timeout_ms: u32, step: &'static str, asked: impl Future<Output = T>) -> Result<T, StoreError> {
    let timer = Delay::from(Duration::from_millis(timeout_ms.into()));
    match select(pin!(asked), pin!(timer)).await {
        Either::Left((answer, _)) => Ok(answer),
        Either::Right(((), _)) => Err(StoreError::Unavailable { step, cause: Cause::TimedOut }),
    }
}
