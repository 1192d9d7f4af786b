//! Hooks that their machines give back again and again.

use lazuli_model::status::StatusKey;
use lazuli_plan::{PutOff, Subject};
use time::{Duration, OffsetDateTime};

use crate::world::World;

const REASON: &str = "the machine rebooted";

fn waits(at_once: bool) -> Vec<i64> {
    let now = OffsetDateTime::UNIX_EPOCH;
    let mut last: Option<PutOff> = None;
    let mut waits = Vec::new();
    for _ in 0..9 {
        let next = PutOff::again(last.as_ref(), 7, REASON.to_owned(), at_once, now);
        waits.push((next.until - now).whole_seconds());
        last = Some(next);
    }
    waits
}

#[test]
fn what_is_given_back_waits_longer_each_time() {
    assert_eq!(waits(true), [0, 5, 10, 20, 40, 80, 160, 300, 300]);
    assert_eq!(waits(false), [5, 10, 20, 40, 80, 160, 300, 300, 300]);
    // Another run begins anew.
    let now = OffsetDateTime::UNIX_EPOCH;
    let before = PutOff::again(None, 7, REASON.to_owned(), false, now);
    let other = PutOff::again(Some(&before), 8, REASON.to_owned(), true, now);
    assert_eq!((other.times, other.until), (1, now));
}

#[test]
fn a_hook_that_is_put_off_says_why_and_runs_in_time() {
    let mut world = World::new();
    world.deploy("web", 1);
    let unit = world.unit("web/0").id;
    let once = PutOff::again(None, 1, REASON.to_owned(), true, world.now);
    let twice = PutOff::again(Some(&once), 1, REASON.to_owned(), true, world.now);
    let until = twice.until;
    assert_eq!(until, world.now + Duration::seconds(5));
    world.flight.put_off.insert(unit, twice);
    world.settle();
    world.assert_settled();
    assert_eq!(world.hooks("web/0"), Vec::<String>::new());
    let reason = "install hook is tried again, after 2 tries: the machine rebooted";
    let plan = world.plan(Subject::Unit(unit));
    assert_eq!(plan.wake_at, Some(until));
    let blocked = plan.blocked.expect("a reason");
    assert_eq!(
        (blocked.reason.as_str(), blocked.until),
        (reason, Some(until))
    );
    let agent = world
        .state
        .status(StatusKey::Agent(unit))
        .expect("a status");
    assert_eq!(
        (agent.status.as_str(), agent.message.as_str()),
        ("executing", reason)
    );
    world.now = until;
    world.dirty.insert(Subject::Unit(unit));
    world.settle();
    world.assert_settled();
    assert_eq!(
        world.hooks("web/0").first().map(String::as_str),
        Some("install")
    );
    let agent = world
        .state
        .status(StatusKey::Agent(unit))
        .expect("a status");
    assert_eq!(agent.status, "idle");
}
