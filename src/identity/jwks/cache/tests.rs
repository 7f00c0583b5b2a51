//! When an issuer is asked, and when it isn't.

use super::*;
use proptest::prelude::*;

const TIMEOUT_MS: u32 = 3_000;
const START: u64 = 1_000_000_000_000;
const HOUR: u64 = 60 * 60 * 1000;

/// A cache of numbers, and a clock.
struct World {
    cache: Cache<Vec<u8>>,
    now: u64,
    /// The asks under way, the oldest first, and when they began.
    asks: Vec<(AskNumber, u64)>,
}

/// What a request does, without the number of its ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Does {
    Use,
    UseAndAsk,
    Ask,
    Wait,
    Unknown,
    Unavailable,
}

impl World {
    fn empty() -> Self {
        Self { cache: Cache::new(TIMEOUT_MS), now: START, asks: Vec::new() }
    }

    /// Has key 1, fresh for 600 seconds.
    fn warm() -> Self {
        let mut world = Self::empty();
        assert_eq!(world.next(1), Does::Ask);
        world.answered(vec![1]);
        world
    }

    fn next(&mut self, key: u8) -> Does {
        self.does(key, false)
    }

    fn again(&mut self, key: u8) -> Does {
        self.does(key, true)
    }

    fn does(&mut self, key: u8, asked: bool) -> Does {
        let next = self.cache.next(Millis(self.now), |keys| keys.contains(&key), asked);
        if let Next::Ask(ask) | Next::UseAndAsk(ask) = next {
            self.asks.push((ask, self.now));
        }
        match next {
            Next::Use => Does::Use,
            Next::UseAndAsk(_) => Does::UseAndAsk,
            Next::Ask(_) => Does::Ask,
            Next::Wait => Does::Wait,
            Next::Unknown => Does::Unknown,
            Next::Unavailable => Does::Unavailable,
        }
    }

    fn later(&mut self, millis: u64) -> &mut Self {
        self.now = self.now.saturating_add(millis);
        self
    }

    /// What becomes of the ask under way at this place, of which the oldest is the first.
    fn ends(&mut self, place: usize, outcome: Outcome) {
        let (ask, began) = self.asks.remove(place);
        match outcome {
            Outcome::Keys(keys, seconds) => self.cache.answered(ask, keys, Millis(began), seconds),
            Outcome::Empty => self.cache.emptied(ask, Millis(self.now)),
            Outcome::Failure => self.cache.failed(ask, Millis(self.now)),
            Outcome::Lost => {}
        }
    }

    fn answered(&mut self, keys: Vec<u8>) {
        self.ends(0, Outcome::Keys(keys, 600));
    }

    fn failed(&mut self) {
        self.ends(0, Outcome::Failure);
    }
}

/// How an ask may end.
#[derive(Clone, Debug)]
enum Outcome {
    /// With keys, and for how many seconds they are fresh.
    Keys(Vec<u8>, u32),
    /// With the word that there are none.
    Empty,
    Failure,
    /// With its isolate's request, without a word.
    Lost,
}

#[test]
fn a_clock_that_is_set_back_keeps_nobody_from_asking() {
    let mut world = World::empty();
    assert_eq!(world.next(1), Does::Ask);
    world.failed();
    world.now -= HOUR;
    assert_eq!(world.next(1), Does::Ask, "that there was a failure says nothing of now");
    world.now -= HOUR;
    assert_eq!(world.next(1), Does::Ask, "nor that somebody asks");
    world.answered(vec![1]);
    world.answered(vec![1]);
    assert_eq!(world.next(2), Does::Ask);
    world.answered(vec![1]);
    world.now -= HOUR;
    assert_eq!(world.next(2), Does::Ask, "nor that an unknown key was asked for");
}

#[test]
fn fresh_keys_are_used_and_old_ones_asked_for_again() {
    let mut world = World::warm();
    assert_eq!(world.next(1), Does::Use);
    assert_eq!(world.later(599_999).next(1), Does::Use);
    // Nobody waits for newer ones.
    assert_eq!(world.later(1).next(1), Does::UseAndAsk);
    // Whoever comes meanwhile uses what there is, and asks no more.
    assert_eq!(world.later(10).next(1), Does::Use);
    world.answered(vec![2]);
    assert_eq!((world.next(2), world.cache.keys(Millis(world.now))), (Does::Use, Some(&vec![2])));
}

#[test]
fn an_ask_that_was_given_up_is_forgotten() {
    let mut world = World::warm();
    assert_eq!(world.later(600_000).next(1), Does::UseAndAsk);
    world.ends(0, Outcome::Lost);
    assert_eq!(world.later(u64::from(TIMEOUT_MS) + GIVEN_UP - 1).next(1), Does::Use);
    assert_eq!(world.later(1).next(1), Does::UseAndAsk);
}

#[test]
fn who_comes_long_after_keys_were_fresh_waits_for_newer_ones() {
    let mut world = World::warm();
    assert_eq!(world.later(600_000 + USED_AT_ONCE - 1).next(1), Does::UseAndAsk);
    world.ends(0, Outcome::Lost);
    world.later(u64::from(TIMEOUT_MS) + GIVEN_UP);
    assert_eq!(world.next(1), Does::Ask);
    world.answered(vec![2]);
    assert_eq!(world.again(1), Does::Unknown);
}

#[test]
fn nobody_waits_for_an_issuer_that_has_just_failed() {
    let mut world = World::warm();
    assert_eq!(world.later(20 * HOUR).next(1), Does::Ask);
    world.failed();
    assert_eq!(world.again(1), Does::Use);
    assert_eq!(world.later(USED_AT_ONCE - 1).next(1), Does::UseAndAsk);
    world.failed();
    assert_eq!(world.later(5_000).next(1), Does::UseAndAsk);
}

#[test]
fn a_failure_of_the_evening_says_nothing_in_the_morning() {
    let mut world = World::warm();
    assert_eq!(world.later(600_000).next(1), Does::UseAndAsk);
    world.failed();
    assert_eq!(world.later(USED_AT_ONCE).next(1), Does::Ask);
    world.answered(vec![2]);
    assert_eq!(world.again(1), Does::Unknown);
}

#[test]
fn with_no_keys_one_asks_at_a_time_until_it_fails() {
    let mut world = World::empty();
    assert_eq!([world.next(1), world.next(1)], [Does::Ask, Does::Wait]);
    assert_eq!(world.later(199).next(1), Does::Wait);
    assert_eq!([world.later(1).next(1), world.next(1)], [Does::Ask, Does::Wait]);
    world.failed();
    assert_eq!([world.again(1), world.next(1)], [Does::Unavailable, Does::Unavailable]);
    assert_eq!(world.later(999).next(1), Does::Unavailable);
    assert_eq!(world.later(1).next(1), Does::Ask);
    world.answered(vec![1]);
    assert_eq!(world.again(1), Does::Use);
}

#[test]
fn old_keys_go_on_for_a_day_when_asking_fails() {
    let mut world = World::warm();
    assert_eq!(world.later(600_000).next(1), Does::UseAndAsk);
    world.failed();
    assert_eq!(world.again(1), Does::Use);
    assert_eq!(world.later(4_999).next(1), Does::Use);
    assert_eq!(world.later(1).next(1), Does::UseAndAsk);
    world.failed();
    world.now = START + 24 * HOUR;
    assert_eq!(world.next(1), Does::Ask);
    world.failed();
    assert_eq!(world.again(1), Does::Use);
    assert_eq!(world.later(1).next(1), Does::Unavailable);
    assert_eq!(world.later(999).next(1), Does::Ask);
}

#[test]
fn an_unknown_key_is_asked_for_twice_a_minute() {
    let mut world = World::warm();
    assert_eq!(world.next(2), Does::Ask);
    // Somebody else looks again until the answer is here; who has a key that is known doesn't wait.
    assert_eq!([world.later(50).next(3), world.next(1)], [Does::Wait, Does::Use]);
    world.answered(vec![1, 3]);
    assert_eq!([world.again(2), world.next(2), world.next(3)], [Does::Unknown, Does::Unknown, Does::Use]);
    assert_eq!(world.later(29_949).next(2), Does::Unknown);
    assert_eq!(world.later(1).next(2), Does::Ask);
}

#[test]
fn who_asks_and_hangs_up_keeps_nobody_from_asking() {
    let mut world = World::warm();
    assert_eq!(world.next(2), Does::Ask);
    world.ends(0, Outcome::Lost);
    assert_eq!(world.later(u64::from(TIMEOUT_MS) + GIVEN_UP - 1).next(3), Does::Wait);
    assert_eq!(world.later(1).next(3), Does::Ask);
    world.answered(vec![3]);
    assert_eq!([world.again(3), world.next(2)], [Does::Use, Does::Unknown]);
}

#[test]
fn a_key_that_is_not_in_the_first_answer_is_unknown() {
    let mut world = World::empty();
    assert_eq!(world.next(2), Does::Ask);
    world.answered(vec![1]);
    assert_eq!(world.again(2), Does::Unknown);
}

#[test]
fn whether_an_unknown_key_is_good_is_not_known_when_asking_fails() {
    let mut world = World::warm();
    assert_eq!(world.next(2), Does::Ask);
    world.failed();
    assert_eq!([world.again(2), world.next(2), world.next(1)], [Does::Unavailable, Does::Unavailable, Does::Use]);
    assert_eq!(world.later(29_999).next(2), Does::Unavailable);
    assert_eq!(world.later(1).next(2), Does::Ask);
    world.answered(vec![1]);
    assert_eq!(world.again(2), Does::Unknown);
}

#[test]
fn old_keys_are_asked_for_again_whatever_was_unknown_before() {
    let mut world = World::warm();
    world.later(590_000);
    assert_eq!(world.next(2), Does::Ask);
    world.failed();
    assert_eq!(world.later(10_000).next(2), Does::Ask);
}

#[test]
fn keys_that_were_taken_away_are_gone() {
    let mut world = World::warm();
    assert_eq!(world.later(600_000).next(1), Does::UseAndAsk);
    world.ends(0, Outcome::Empty);
    assert_eq!([world.again(1), world.next(1)], [Does::Unavailable, Does::Unavailable]);
    assert_eq!(world.later(1_000).next(1), Does::Ask);
}

/// Two asks under way at once, as a cold isolate has them.
fn two_asks() -> World {
    let mut world = World::empty();
    assert_eq!(world.next(1), Does::Ask);
    assert_eq!(world.later(COLD_STAGGER).next(1), Does::Ask);
    world
}

#[test]
fn what_was_overtaken_changes_nothing() {
    for late in [Outcome::Keys(vec![2], 600), Outcome::Empty, Outcome::Failure] {
        let mut world = two_asks();
        world.ends(1, Outcome::Keys(vec![1], 600));
        world.ends(0, late.clone());
        assert_eq!(world.cache.keys(Millis(world.now)), Some(&vec![1]), "{late:?}");
        assert_eq!([world.next(1), world.again(2)], [Does::Use, Does::Unknown], "{late:?}");
    }
}

#[test]
fn a_failure_says_nothing_about_keys_that_were_asked_for_before_it() {
    let mut world = two_asks();
    world.ends(1, Outcome::Failure);
    world.answered(vec![1]);
    assert_eq!(world.next(1), Does::Use);
    // Whether there are others by now is not known.
    assert_eq!(world.again(2), Does::Unavailable);
    let mut world = two_asks();
    world.ends(1, Outcome::Failure);
    world.ends(0, Outcome::Empty);
    assert_eq!(world.cache.keys(Millis(world.now)), None);
}

#[test]
fn while_a_newer_ask_is_under_way_nobody_asks_again() {
    let mut world = two_asks();
    world.answered(vec![1]);
    assert_eq!([world.next(1), world.next(2)], [Does::Use, Does::Wait]);
    world.answered(vec![1]);
    assert_eq!(world.next(2), Does::Ask);
}

/// Keys, when they were asked for, and until when they are fresh.
type Published = (Vec<u8>, u64, u64);

/// What may happen to a cache.
#[derive(Clone, Debug)]
enum Happens {
    Comes(u8),
    Passes(u64),
    /// To one of the asks under way.
    Ends(prop::sample::Index, Outcome),
}

fn happens() -> impl Strategy<Value = Happens> {
    let outcome = prop_oneof![
        4 => (0..4_u8, 60..86_400_u32).prop_map(|(key, seconds)| Outcome::Keys(vec![key], seconds)),
        2 => Just(Outcome::Empty),
        2 => Just(Outcome::Failure),
        1 => Just(Outcome::Lost),
    ];
    prop_oneof![
        5 => (0..4_u8).prop_map(Happens::Comes),
        3 => prop_oneof![0..1000_u64, 0..40_000_u64, 0..90_000_000_u64].prop_map(Happens::Passes),
        3 => (any::<prop::sample::Index>(), outcome).prop_map(|(which, outcome)| Happens::Ends(which, outcome)),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]
    #[test]
    fn the_rules_hold_whatever_happens_in_whatever_order(story in prop::collection::vec(happens(), 0..80)) {
        let mut world = World::empty();
        // All that the issuer has said, and all that is known of it: of each the newest ask's.
        let mut said: Option<(AskNumber, Option<Published>)> = None;
        let mut known_of: Option<(AskNumber, bool)> = None;
        let mut unknown: Option<u64> = None;
        // The newest ask and when it began, while nothing is known of it.
        let mut newest: Option<(AskNumber, u64)> = None;
        for happens in story {
            match happens {
                Happens::Passes(millis) => { world.later(millis); }
                Happens::Ends(which, outcome) if !world.asks.is_empty() => {
                    let place = which.index(world.asks.len());
                    let (ask, began) = world.asks[place];
                    world.ends(place, outcome.clone());
                    newest = newest.filter(|(newest, _)| ask < *newest || matches!(outcome, Outcome::Lost));
                    let (says, good) = match outcome {
                        Outcome::Keys(keys, seconds) => (Some(Some((keys, began, began.saturating_add(u64::from(seconds).saturating_mul(1000))))), true),
                        Outcome::Empty => (Some(None), false),
                        Outcome::Failure => (None, false),
                        Outcome::Lost => continue,
                    };
                    if let Some(says) = says && said.as_ref().is_none_or(|(newest, _)| ask > *newest) {
                        said = Some((ask, says));
                    }
                    if known_of.is_none_or(|(newest, _)| ask > newest) {
                        known_of = Some((ask, good));
                    }
                }
                Happens::Ends(..) => {}
                Happens::Comes(key) => {
                    let keys = said.clone().and_then(|(_, keys)| keys).filter(|(_, at, _)| world.now.saturating_sub(*at) <= KEPT);
                    prop_assert_eq!(world.cache.keys(Millis(world.now)), keys.as_ref().map(|(keys, ..)| keys));
                    let is_known = keys.as_ref().is_some_and(|(keys, ..)| keys.contains(&key));
                    let fresh = keys.as_ref().is_some_and(|(_, _, until)| world.now < *until);
                    let failed = known_of.is_some_and(|(_, good)| !good);
                    let within = |ms| newest.is_some_and(|(_, began)| world.now.saturating_sub(began) < ms);
                    let (alone, cold) = (!within(u64::from(TIMEOUT_MS)), !within(COLD_STAGGER));
                    let asks = world.asks.len();
                    match world.next(key) {
                        Does::Use => prop_assert!(is_known),
                        Does::UseAndAsk => prop_assert!(is_known && !fresh && alone),
                        Does::Unknown => prop_assert!(keys.is_some() && !is_known && !failed),
                        Does::Wait => prop_assert!(!is_known && newest.is_some()),
                        Does::Unavailable => prop_assert!(!is_known && failed),
                        Does::Ask => {
                            prop_assert!(!(fresh && is_known), "asked for what is here");
                            prop_assert!(if keys.is_some() { alone } else { cold }, "two ask at a time");
                            let rested = unknown.is_none_or(|at| world.now.saturating_sub(at) >= UNKNOWN_REST);
                            prop_assert!(!fresh || newest.is_some() || rested, "asked too often");
                            if keys.is_some() && !is_known {
                                unknown = Some(world.now);
                            }
                        }
                    }
                    if world.asks.len() > asks {
                        newest = world.asks.last().copied();
                    }
                    // Whoever has asked once doesn't ask again.
                    let again = world.again(key);
                    prop_assert!(!matches!(again, Does::Ask | Does::UseAndAsk));
                }
            }
        }
    }
}
