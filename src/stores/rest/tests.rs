//! A clock that stands still unless a test moves it, and calls that end when a test says so.

use std::cell::Cell;

use futures_util::FutureExt;

use super::*;
use ws_ticket_core::store::Fault;

const CALL_MS: u64 = 7_000;
const SILENCE: Result<(), StoreError> = Err(StoreError::Unavailable { step: "x", cause: Cause::TimedOut });
const REFUSED: Result<(), StoreError> =
    Err(StoreError::Unavailable { step: "x", cause: Cause::Server(Fault::Unreachable) });
const CORRUPT: Result<(), StoreError> = Err(StoreError::Corrupt { step: "x" });

thread_local! {
    static NOW: Cell<u64> = const { Cell::new(10_000_000) };
}

fn now() -> Millis {
    Millis(NOW.get())
}

fn pass(ms: u64) {
    NOW.set(NOW.get().saturating_add(ms));
}

fn rests() -> Rests {
    Rests::new(CALL_MS, now)
}

/// Asks at once; `None` where a call was made, else the seconds of the rest.
fn ask(rests: &Rests, name: &str, answer: Result<(), StoreError>) -> Option<u32> {
    let made = Cell::new(false);
    let told = rests.ask(name, async {
        made.set(true);
        answer
    });
    let told = told.now_or_never().unwrap();
    if made.get() {
        assert_eq!(told, answer);
        return None;
    }
    match told {
        Err(StoreError::Unavailable { step: "rest", cause: Cause::Resting { seconds } }) => Some(seconds),
        other => panic!("{other:?}"),
    }
}

/// Three in a row that gave no answer.
fn hung() -> Rests {
    let rests = rests();
    for _ in 0..IN_A_ROW {
        assert_eq!(ask(&rests, "a", SILENCE), None);
    }
    rests
}

#[test]
fn nobody_looks_at_the_clock_while_all_is_well() {
    let rests = Rests::new(CALL_MS, || panic!("the clock was looked at"));
    for answer in [Ok(()), REFUSED, SILENCE, SILENCE, Ok(()), CORRUPT] {
        assert_eq!(ask(&rests, "a", answer), None);
    }
}

#[test]
fn one_or_two_without_an_answer_refuse_nobody() {
    let rests = rests();
    for answer in [Ok(()), REFUSED, CORRUPT] {
        for _ in 0..10 {
            for _ in 0..IN_A_ROW - 1 {
                assert_eq!(ask(&rests, "a", SILENCE), None);
            }
            assert_eq!(ask(&rests, "a", answer), None, "any answer breaks the row");
        }
    }
}

#[test]
fn an_error_at_once_is_no_reason_to_rest() {
    let rests = rests();
    for _ in 0..100 {
        assert_eq!(ask(&rests, "a", REFUSED), None);
    }
}

#[test]
fn a_handshake_that_is_not_answered_is_silence_too() {
    let rests = rests();
    let silence = Err(StoreError::Unavailable { step: "x", cause: Cause::Server(Fault::TlsTimedOut) });
    for _ in 0..IN_A_ROW {
        assert_eq!(ask(&rests, "a", silence), None);
    }
    assert_eq!(ask(&rests, "a", Ok(())), Some(1));
}

#[test]
fn what_hangs_rests_and_what_does_not_goes_on() {
    let rests = hung();
    assert_eq!(ask(&rests, "a", Ok(())), Some(1));
    assert_eq!(ask(&rests, "b", Ok(())), None);
}

#[test]
fn each_rest_is_twice_as_long_and_says_how_long_up_to_half_a_minute() {
    let rests = hung();
    for ms in [1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000] {
        let seconds = u32::try_from(ms / 1_000).unwrap();
        assert_eq!(ask(&rests, "a", Ok(())), Some(seconds));
        pass(ms - 1);
        assert_eq!(ask(&rests, "a", Ok(())), Some(1), "still, after {ms} ms but one");
        pass(1);
        assert_eq!(ask(&rests, "a", SILENCE), None, "one finds out");
    }
    pass(30_000);
    assert_eq!(ask(&rests, "a", Ok(())), None);
    for _ in 0..IN_A_ROW {
        assert_eq!(ask(&rests, "a", SILENCE), None, "after an answer it takes as many again");
    }
    assert_eq!(ask(&rests, "a", Ok(())), Some(1), "and the first rest is short again");
}

#[test]
fn one_finds_out_while_the_others_are_refused_though_the_clock_stands() {
    for end in [Ok(()), REFUSED, CORRUPT] {
        let rests = hung();
        pass(1_000);
        let probe = rests.begin("a").unwrap();
        for _ in 0..5 {
            assert!(ask(&rests, "a", Ok(())).is_some());
        }
        pass(3_000);
        assert!(ask(&rests, "a", Ok(())).is_some());
        let silence = end.err().and_then(|error| error.cause()).is_some_and(Cause::is_silence);
        rests.end("a", probe, silence);
        assert_eq!(ask(&rests, "a", Ok(())), None, "whatever it was told, somebody answers");
    }
}

#[test]
fn a_probe_that_is_never_heard_of_again_is_not_waited_for_for_ever() {
    let rests = hung();
    pass(1_000);
    rests.begin("a").unwrap();
    pass(CALL_MS - 1);
    assert!(ask(&rests, "a", Ok(())).is_some());
    pass(1);
    assert_eq!(ask(&rests, "a", Ok(())), None);
}

#[test]
fn who_was_asked_before_it_rested_and_gives_no_answer_makes_no_rest_longer() {
    let rests = rests();
    let calls: Vec<_> = (0..20).map(|_| rests.begin("a").unwrap()).collect();
    pass(3_000);
    for call in calls {
        rests.end("a", call, true);
    }
    assert_eq!(ask(&rests, "a", Ok(())), Some(1));
    pass(1_000);
    assert_eq!(ask(&rests, "a", Ok(())), None);
}

#[test]
fn silence_that_an_answer_has_overtaken_says_nothing() {
    let rests = rests();
    let old: Vec<_> = (0..20).map(|_| rests.begin("a").unwrap()).collect();
    assert_eq!(ask(&rests, "a", Ok(())), None);
    for call in old {
        rests.end("a", call, true);
    }
    assert_eq!(ask(&rests, "a", Ok(())), None);
    // A late answer to an old call ends the rest, and the probe that is out then makes no new one.
    let late = rests.begin("a").unwrap();
    for _ in 0..IN_A_ROW {
        assert_eq!(ask(&rests, "a", SILENCE), None);
    }
    pass(1_000);
    let probe = rests.begin("a").unwrap();
    rests.end("a", late, false);
    rests.end("a", probe, true);
    assert_eq!(ask(&rests, "a", Ok(())), None);
}

#[test]
fn a_clock_that_is_set_back_makes_no_rest_longer_than_it_can_be() {
    let rests = hung();
    NOW.set(NOW.get().saturating_sub(3_600_000));
    assert_eq!(ask(&rests, "a", Ok(())), None);
}
