//! How long a store is waited for.

use std::future::Future;

use crate::outside;
use crate::store::{Cause, StoreError};

/// The future's output, or, after so many milliseconds, "no answer".
pub async fn within<T>(timeout_ms: u32, step: &'static str, asked: impl Future<Output = T>) -> Result<T, StoreError> {
    let answer = outside::within(timeout_ms, asked).await;
    answer.map_err(|outside::TimedOut| StoreError::Unavailable { step, cause: Cause::TimedOut })
}
