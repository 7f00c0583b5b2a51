//! What follows for a store when one of its steps had no answer.

pub use crate::outside::{Deadline, NoAnswer};
use crate::store::{Cause, StoreError};

/// "No answer" of the step, and whether it was for want of time.
pub fn unavailable(step: &'static str) -> impl Fn(NoAnswer) -> StoreError + Copy {
    move |why| {
        let cause = match why {
            NoAnswer::TimedOut => Cause::TimedOut,
            NoAnswer::Failed(_) => Cause::Failed,
        };
        StoreError::Unavailable { step, cause }
    }
}
