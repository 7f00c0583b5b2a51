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
}

impl World {
    fn empty() -> Self {
        Self { cache: Cache::new(TIMEOUT_MS), now: START }
    }

    /// Has key 1, fresh for 600 seconds.
    fn warm() -> Self {
        let mut world = Self::empty();
        assert_eq!(world.next(1), Next::Ask);
        world.answered(vec![1]);
        world
    }

    fn next(&mut self, key: u8) -> Next {
        self.cache.next(Millis(self.now), |keys| keys.contains(&key), false)
    }

    fn again(&mut self, key: u8) -> Next {
        self.cache.next(Millis(self.now), |keys| keys.contains(&key), true)
    }

    fn later(&mut self, millis: u64) -> &mut Self {
        self.now = self.now.saturating_add(millis);
        self
    }

    fn answered(&mut self, keys: Vec<u8>) {
        self.cache.answered(keys, Millis(self.now), 600);
    }

    fn failed(&mut self) {
        self.cache.failed(Millis(self.now));
    }
}

#[test]
fn fresh_keys_are_used_and_old_ones_asked_for_again() {
    let mut world = World::warm();
    assert_eq!(world.next(1), Next::Use);
    assert_eq!(world.later(599_999).next(1), Next::Use);
    assert_eq!(world.later(1).next(1), Next::Ask);
    // Whoever comes meanwhile uses what there is.
    assert_eq!(world.later(10).next(1), Next::Use);
    world.answered(vec![2]);
    assert_eq!((world.next(2), world.cache.keys(Millis(world.now))), (Next::Use, Some(&vec![2])));
}

#[test]
fn an_ask_that_was_given_up_is_forgotten() {
    let mut world = World::warm();
    assert_eq!(world.later(600_000).next(1), Next::Ask);
    assert_eq!(world.later(u64::from(TIMEOUT_MS) - 1).next(1), Next::Use);
    assert_eq!(world.later(1).next(1), Next::Ask);
}

#[test]
fn with_no_keys_one_asks_at_a_time_until_it_fails() {
    let mut world = World::empty();
    assert_eq!([world.next(1), world.next(1)], [Next::Ask, Next::Wait]);
    assert_eq!(world.later(199).next(1), Next::Wait);
    assert_eq!([world.later(1).next(1), world.next(1)], [Next::Ask, Next::Wait]);
    world.failed();
    assert_eq!([world.again(1), world.next(1)], [Next::Unavailable, Next::Unavailable]);
    assert_eq!(world.later(999).next(1), Next::Unavailable);
    assert_eq!(world.later(1).next(1), Next::Ask);
    world.answered(vec![1]);
    assert_eq!(world.again(1), Next::Use);
}

#[test]
fn old_keys_go_on_for_a_day_when_asking_fails() {
    let mut world = World::warm();
    assert_eq!(world.later(600_000).next(1), Next::Ask);
    world.failed();
    assert_eq!(world.again(1), Next::Use);
    assert_eq!(world.later(4_999).next(1), Next::Use);
    assert_eq!(world.later(1).next(1), Next::Ask);
    world.failed();
    world.now = START + 24 * HOUR;
    assert_eq!(world.next(1), Next::Ask);
    world.failed();
    assert_eq!(world.again(1), Next::Use);
    assert_eq!(world.later(1).next(1), Next::Unavailable);
    assert_eq!(world.later(999).next(1), Next::Ask);
}

#[test]
fn an_unknown_key_is_asked_for_twice_a_minute() {
    let mut world = World::warm();
    assert_eq!(world.next(2), Next::Ask);
    // Somebody else looks again until the answer is here; who has a key that is known doesn't wait.
    assert_eq!([world.later(50).next(3), world.next(1)], [Next::Wait, Next::Use]);
    world.answered(vec![1, 3]);
    assert_eq!([world.again(2), world.next(2), world.next(3)], [Next::Unknown, Next::Unknown, Next::Use]);
    assert_eq!(world.later(29_949).next(2), Next::Unknown);
    assert_eq!(world.later(1).next(2), Next::Ask);
}

#[test]
fn who_asks_and_hangs_up_keeps_nobody_from_asking() {
    let mut world = World::warm();
    assert_eq!(world.next(2), Next::Ask);
    assert_eq!(world.later(u64::from(TIMEOUT_MS) - 1).next(3), Next::Wait);
    assert_eq!(world.later(1).next(3), Next::Ask);
    world.answered(vec![3]);
    assert_eq!([world.again(3), world.next(2)], [Next::Use, Next::Unknown]);
}

#[test]
fn a_key_that_is_not_in_the_first_answer_is_unknown() {
    let mut world = World::empty();
    assert_eq!(world.next(2), Next::Ask);
    world.answered(vec![1]);
    assert_eq!(world.again(2), Next::Unknown);
}

#[test]
fn whether_an_unknown_key_is_good_is_not_known_when_asking_fails() {
    let mut world = World::warm();
    assert_eq!(world.next(2), Next::Ask);
    world.failed();
    assert_eq!([world.again(2), world.next(2), world.next(1)], [Next::Unavailable, Next::Unavailable, Next::Use]);
    assert_eq!(world.later(29_999).next(2), Next::Unavailable);
    assert_eq!(world.later(1).next(2), Next::Ask);
    world.answered(vec![1]);
    assert_eq!(world.again(2), Next::Unknown);
}

#[test]
fn old_keys_are_asked_for_again_whatever_was_unknown_before() {
    let mut world = World::warm();
    world.later(590_000);
    assert_eq!(world.next(2), Next::Ask);
    world.failed();
    assert_eq!(world.later(10_000).next(2), Next::Ask);
}

#[test]
fn keys_that_were_taken_away_are_gone() {
    let mut world = World::warm();
    assert_eq!(world.later(600_000).next(1), Next::Ask);
    world.cache.emptied(Millis(world.now));
    assert_eq!([world.again(1), world.next(1)], [Next::Unavailable, Next::Unavailable]);
    assert_eq!(world.later(1_000).next(1), Next::Ask);
}

#[test]
fn an_answer_that_was_overtaken_changes_nothing() {
    let mut world = World::warm();
    let before = Millis(world.now - 1);
    world.cache.answered(vec![2], before, 600);
    assert_eq!(world.cache.keys(Millis(world.now)), Some(&vec![1]));
}

/// What may happen to a cache.
#[derive(Clone, Copy, Debug)]
enum Happens {
    Comes(u8),
    Passes(u64),
    Answers(u8, u32),
    Fails,
    Empties,
}

fn happens() -> impl Strategy<Value = Happens> {
    prop_oneof![
        4 => (0..4_u8).prop_map(Happens::Comes),
        3 => prop_oneof![0..100_u64, 0..40_000_u64, 0..90_000_000_u64].prop_map(Happens::Passes),
        2 => (0..4_u8, 60..86_400_u32).prop_map(|(key, seconds)| Happens::Answers(key, seconds)),
        1 => Just(Happens::Fails),
        1 => Just(Happens::Empties),
    ]
}

proptest! {
    #[test]
    fn the_rules_hold_whatever_happens(story in prop::collection::vec(happens(), 0..80)) {
        let mut world = World::empty();
        let mut asking = false;
        // When the newest keys were asked for, and when a key that isn't known last made somebody ask.
        let (mut fetched, mut unknown): (Option<u64>, Option<u64>) = (None, None);
        for happens in story {
            match happens {
                Happens::Passes(millis) => { world.later(millis); }
                Happens::Answers(key, seconds) if asking => {
                    world.cache.answered(vec![key], Millis(world.now), seconds);
                    (asking, fetched) = (false, Some(world.now));
                }
                Happens::Fails if asking => { world.failed(); asking = false; }
                Happens::Empties if asking => { world.cache.emptied(Millis(world.now)); (asking, fetched) = (false, None); }
                Happens::Comes(key) => {
                    let usable = fetched.is_some_and(|at| world.now.saturating_sub(at) <= KEPT);
                    let known = world.cache.keys(Millis(world.now)).is_some_and(|keys| keys.contains(&key));
                    prop_assert_eq!(world.cache.keys(Millis(world.now)).is_some(), usable);
                    let fresh = usable && world.cache.held.as_ref().is_some_and(|held| Millis(world.now) < held.fresh_until);
                    match world.next(key) {
                        Next::Use => prop_assert!(known),
                        Next::Unknown => prop_assert!(usable && !known),
                        Next::Wait => prop_assert!(asking && !known),
                        Next::Unavailable => prop_assert!(!known),
                        Next::Ask => {
                            prop_assert!(!(fresh && known), "asked for what is here");
                            if fresh && !asking {
                                prop_assert!(unknown.is_none_or(|at| world.now.saturating_sub(at) >= UNKNOWN_REST), "asked too often");
                            }
                            if usable && !known {
                                unknown = Some(world.now);
                            }
                            asking = true;
                        }
                    }
                    // Whoever has asked once doesn't ask again.
                    prop_assert_ne!(world.again(key), Next::Ask);
                }
                _ => {}
            }
        }
    }
}
