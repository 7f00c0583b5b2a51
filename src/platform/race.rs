//! Promises that are waited for until a deadline, and no longer.
//!
//! The race is run in JavaScript. A future that waits for a promise leaves closures with it, which are freed when the promise
//! settles: to drop the future of a promise that never does would keep them for the isolate's life. The race settles whatever
//! its promises do, and of a promise that hangs nothing stays but what JavaScript collects with it.

use worker::js_sys::{Array, Function, Object, Promise};
use worker::wasm_bindgen::{self, JsValue, prelude::wasm_bindgen};
use worker::wasm_bindgen_futures::{self, future_to_promise};

#[wasm_bindgen]
extern "C" {
    // What it gives back is a number, or an object where Node.js's timers are switched on.
    #[wasm_bindgen(catch, js_name = setTimeout)]
    fn set_timeout(then: &Function, ms: u32, with: &JsValue) -> Result<JsValue, JsValue>;

    #[wasm_bindgen(js_name = clearTimeout)]
    fn clear_timeout(timer: &JsValue);
}

#[wasm_bindgen(module = "/src/platform/race.js")]
extern "C" {
    #[wasm_bindgen(js_name = within)]
    fn race_with_time(ms: u32, promise: &Promise) -> Promise;
}

#[wasm_bindgen(module = "cloudflare:workers")]
extern "C" {
    #[wasm_bindgen(catch, js_name = waitUntil)]
    fn wait_until(promise: &Promise) -> Result<(), JsValue>;
}

/// Why a promise has no value.
#[derive(Debug)]
pub enum NoAnswer {
    /// No answer came in time. What was asked may still happen: the caller knows nothing, and says so.
    TimedOut,
    /// The platform's error. It may quote what it was given: it is for nobody's eyes.
    Failed(JsValue),
}

impl From<JsValue> for NoAnswer {
    fn from(error: JsValue) -> Self {
        Self::Failed(error)
    }
}

/// A moment until which answers are waited for: one timer for everything that is raced against it, cleared when it is dropped.
pub struct Deadline {
    passed: Promise,
    /// What `passed` comes to, and nothing else does.
    mark: JsValue,
    timer: JsValue,
}

impl Deadline {
    /// So many milliseconds from now.
    pub fn after(timeout_ms: u32) -> Self {
        let mark = Object::new().into();
        let (passed, timer) = timer(timeout_ms, &mark);
        Self { passed, mark, timer }
    }

    /// The promise's value, if it comes in time.
    pub async fn settle(&self, promise: Promise) -> Result<JsValue, NoAnswer> {
        let value = settled(Promise::race(&Array::of2(&promise, &self.passed))).await?;
        if value == self.mark { Err(NoAnswer::TimedOut) } else { Ok(value) }
    }
}

/// A timer that went on would keep the request alive.
impl Drop for Deadline {
    fn drop(&mut self) {
        clear_timeout(&self.timer);
    }
}

/// The promise's value, if it comes within so many milliseconds. For one promise this is less to do than a [`Deadline`].
pub async fn within(ms: u32, promise: Promise) -> Result<JsValue, NoAnswer> {
    raced(race_with_time(ms, &promise)).await
}

/// The value of a race that was run in JavaScript, where it is lost with `null`.
pub async fn raced(race: Promise) -> Result<JsValue, NoAnswer> {
    settled(race).await.map_err(|error| if error.is_null() { NoAnswer::TimedOut } else { NoAnswer::Failed(error) })
}

/// A promise of `value` after so many milliseconds, and its timer. No closure of ours is involved.
fn timer(ms: u32, value: &JsValue) -> (Promise, JsValue) {
    let mut timer = JsValue::UNDEFINED;
    let promise = Promise::new(&mut |resolve, _| match set_timeout(&resolve, ms, value) {
        Ok(set) => timer = set,
        // The platform gives a request no more timers: what can't be timed is over at once.
        Err(_) => drop(resolve.call1(&JsValue::UNDEFINED, value)),
    });
    (promise, timer)
}

/// Waits so many milliseconds.
pub async fn sleep(ms: u32) {
    // It has no way to fail.
    let _ = settled(timer(ms, &JsValue::UNDEFINED).0).await;
}

/// The value of a promise of the platform's own that always settles: a timer, a computation, the end of a race.
#[expect(clippy::disallowed_types, reason = "here the promise is one that settles")]
pub async fn settled(promise: Promise) -> Result<JsValue, JsValue> {
    wasm_bindgen_futures::JsFuture::from(promise).await
}

/// Takes note of nothing that becomes of the promise, which would otherwise be reported where it fails.
pub fn ignore(promise: &Promise) {
    let _ = Promise::all_settled(&Array::of1(promise));
}

/// Does this behind the answer: the request stays alive for it, and nobody waits. All that it waits for belongs to this request.
pub fn behind_the_answer(work: impl Future<Output = ()> + 'static) {
    let promise = future_to_promise(async {
        work.await;
        Ok(JsValue::UNDEFINED)
    });
    // Where the platform doesn't let it, the work goes on for as long as the request does.
    let _ = wait_until(&promise);
}
