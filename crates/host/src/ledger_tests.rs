//! What is said again after a cut, wherever it falls.

use lazuli_runner::frames::{
    CharmRef, Context, Exit, Hook, HookKind, Limits, Outcome, Output, Refusal, Report, Request,
    RunId, RunRequest, RunState, RunSummary,
};

use super::Ledger;

fn id(seq: u64) -> RunId {
    RunId {
        unit: "u".to_owned(),
        seq,
    }
}

fn asked(seq: u64) -> Request {
    Request::Run(Box::new(RunRequest {
        run: id(seq),
        digest: format!("d{seq}"),
        unit: "a/0".to_owned(),
        hook: hook(),
        charm: CharmRef {
            url: "local:a-0".to_owned(),
            sha256: "c".to_owned(),
        },
        levels: serde_json::Value::Null,
        context: Context::default(),
        limits: Limits::default(),
    }))
}

fn hook() -> Hook {
    Hook {
        kind: HookKind::Hook,
        name: "install".to_owned(),
    }
}

fn started(seq: u64, attempt: u32) -> Report {
    Report::Started {
        run: id(seq),
        attempt,
    }
}

fn finished(seq: u64, attempt: u32) -> Report {
    Report::Finished(Box::new(Outcome {
        run: id(seq),
        digest: format!("d{seq}"),
        unit: "a/0".to_owned(),
        hook: hook(),
        levels: serde_json::Value::Null,
        attempt,
        exit: Exit::Code { code: 0 },
        writes: Vec::new(),
        immediate: 0,
        output: Output::default(),
        started_ms: 0,
        duration_ms: 0,
        task: None,
    }))
}

fn refused(seq: u64, refusal: Refusal) -> Report {
    Report::Refused {
        run: Some(id(seq)),
        refusal,
    }
}

fn listed(seq: u64, digest: &str, state: RunState) -> RunSummary {
    RunSummary {
        run: id(seq),
        digest: digest.to_owned(),
        state,
    }
}

/// What is sent now, in short.
fn sent(ledger: &mut Ledger) -> Vec<String> {
    let short = |request| match request {
        Request::Run(run) => format!("run {}", run.run.seq),
        Request::Ack { run } => format!("ack {}", run.seq),
        Request::AckWrites { run, upto } => format!("writes {} {upto}", run.seq),
        Request::Kill { run, .. } => format!("kill {}", run.seq),
        Request::Forget { unit } => format!("forget {unit}"),
        other => format!("{other:?}"),
    };
    std::iter::from_fn(|| ledger.next()).map(short).collect()
}

fn attached() -> Ledger {
    let mut ledger = Ledger::default();
    ledger.attached(&[]);
    ledger
}

#[test]
fn a_run_is_sent_once_for_each_connection_that_does_not_know_it() {
    let mut ledger = Ledger::default();
    ledger.request(asked(1));
    assert!(ledger.has_work());
    assert_eq!(sent(&mut ledger), [""; 0]);
    ledger.attached(&[]);
    assert_eq!(sent(&mut ledger), ["run 1"]);
    // A repeat of the controller's is none on the wire.
    ledger.request(asked(1));
    assert_eq!(sent(&mut ledger), [""; 0]);

    // Cut before it arrived: again. Cut after it arrived: not again.
    ledger.lost();
    ledger.attached(&[]);
    assert_eq!(sent(&mut ledger), ["run 1"]);
    ledger.lost();
    assert!(ledger.has_work());
    ledger.attached(&[listed(1, "d1", RunState::Running)]);
    assert_eq!(sent(&mut ledger), [""; 0]);
    assert!(ledger.report(&started(1, 1)));
    assert!(ledger.in_flight());
    assert!(ledger.report(&finished(1, 1)));
    assert!(!ledger.in_flight());

    // Finished and not acknowledged: the machine's word, not ours.
    ledger.lost();
    ledger.attached(&[]);
    assert_eq!(sent(&mut ledger), [""; 0]);
}

#[test]
fn an_acknowledgement_is_repeated_until_it_is_known_to_have_arrived() {
    let mut ledger = attached();
    ledger.request(asked(1));
    assert_eq!(sent(&mut ledger), ["run 1"]);
    ledger.report(&started(1, 1));
    ledger.report(&finished(1, 1));
    ledger.request(Request::Ack { run: id(1) });
    assert_eq!(sent(&mut ledger), ["ack 1"]);
    ledger.lost();
    assert!(ledger.has_work(), "it may not have arrived");
    ledger.attached(&[listed(1, "d1", RunState::Finished)]);
    assert_eq!(sent(&mut ledger), ["ack 1"]);
    // What the machine repeats before it hears that is over.
    assert!(!ledger.report(&started(1, 1)));
    assert!(!ledger.report(&finished(1, 1)));
    ledger.lost();
    ledger.attached(&[]);
    ledger.lost();
    assert!(!ledger.has_work(), "it is not listed any more");

    // An orderly end proves that it arrived, too.
    let mut ledger = attached();
    ledger.request(Request::Ack { run: id(1) });
    assert_eq!(sent(&mut ledger), ["ack 1"]);
    ledger.closed();
    assert!(!ledger.has_work());
}

#[test]
fn the_next_attempt_follows_the_acknowledgement_of_the_one_before() {
    let mut ledger = attached();
    ledger.request(asked(1));
    assert_eq!(sent(&mut ledger), ["run 1"]);
    ledger.report(&finished(1, 1));
    ledger.request(Request::Ack { run: id(1) });
    ledger.request(asked(1));
    assert_eq!(sent(&mut ledger), ["ack 1", "run 1"]);
    ledger.lost();
    // Neither arrived: the first attempt is listed.
    ledger.attached(&[listed(1, "d1", RunState::Finished)]);
    assert_eq!(sent(&mut ledger), ["ack 1", "run 1"]);
    assert!(!ledger.report(&finished(1, 1)));
    assert!(ledger.in_flight());
    assert!(ledger.report(&started(1, 2)));
    assert!(ledger.report(&finished(1, 2)));
    assert!(!ledger.in_flight());
}

#[test]
fn runs_of_a_controller_before_are_waited_for() {
    let mut ledger = Ledger::default();
    ledger.attached(&[listed(7, "d7", RunState::Running)]);
    assert!(ledger.in_flight());
    ledger.lost();
    assert!(ledger.has_work());
    ledger.attached(&[listed(7, "d7", RunState::Finished)]);
    assert!(ledger.report(&finished(7, 1)));
    ledger.request(Request::Ack { run: id(7) });
    assert_eq!(sent(&mut ledger), ["ack 7"]);

    // One that vanished with the machine's disk is not waited for.
    ledger.attached(&[listed(8, "d8", RunState::Running)]);
    ledger.lost();
    ledger.attached(&[]);
    assert!(!ledger.in_flight());
}

#[test]
fn an_acknowledgement_that_crosses_a_refusal_holds_nothing_up() {
    let mut ledger = Ledger::default();
    ledger.request(asked(2));
    // What a controller committed before it was killed, and could not say.
    ledger.attached(&[listed(1, "d1", RunState::Finished)]);
    assert_eq!(sent(&mut ledger), ["run 2"]);
    assert!(ledger.report(&finished(1, 1)));
    ledger.request(Request::Ack { run: id(1) });
    assert_eq!(sent(&mut ledger), ["ack 1"]);
    // Said before the acknowledgement was heard.
    ledger.report(&refused(2, Refusal::Busy { run: id(1) }));
    assert_eq!(sent(&mut ledger), ["run 2"]);
    // Once: what is refused for the same reason again waits.
    ledger.report(&refused(2, Refusal::Busy { run: id(1) }));
    assert_eq!(sent(&mut ledger), [""; 0]);
    ledger.request(Request::Ack { run: id(1) });
    assert_eq!(sent(&mut ledger), ["ack 1", "run 2"]);
}

#[test]
fn refusals_are_waits_or_ends() {
    let mut ledger = attached();
    ledger.request(asked(2));
    ledger.report(&refused(2, Refusal::Busy { run: id(1) }));
    assert_eq!(sent(&mut ledger), ["run 2"]);
    assert!(ledger.report(&finished(1, 1)));
    ledger.request(Request::Ack { run: id(1) });
    assert_eq!(sent(&mut ledger), ["ack 1", "run 2"]);

    let sha256 = "c".to_owned();
    ledger.report(&refused(2, Refusal::NoCharm { sha256 }));
    assert!(ledger.in_flight());
    ledger.again(vec![id(2), id(99)]);
    assert_eq!(sent(&mut ledger), ["run 2"]);

    // Another digest is recorded: that run reports itself, ours is void.
    let recorded = "other".to_owned();
    ledger.report(&refused(2, Refusal::Digest { recorded }));
    ledger.lost();
    ledger.attached(&[listed(2, "other", RunState::Running)]);
    assert_eq!(sent(&mut ledger), [""; 0]);
    assert!(ledger.in_flight());

    let reason = "no".to_owned();
    ledger.report(&refused(2, Refusal::Invalid { reason }));
    assert!(!ledger.in_flight());
}

#[test]
fn kills_and_forgets_are_said_again_and_never_hit_the_wrong_one() {
    let mut ledger = attached();
    ledger.request(asked(1));
    let reason = "enough".to_owned();
    ledger.request(Request::Kill { run: id(1), reason });
    assert_eq!(sent(&mut ledger), ["run 1", "kill 1"]);
    ledger.lost();
    ledger.attached(&[listed(1, "d1", RunState::Running)]);
    assert_eq!(sent(&mut ledger), ["kill 1"]);
    ledger.report(&finished(1, 1));
    ledger.request(Request::Ack { run: id(1) });
    let unit = "a/0".to_owned();
    ledger.request(Request::Forget { unit });
    assert_eq!(sent(&mut ledger), ["ack 1", "forget a/0"]);
    ledger.lost();
    assert!(ledger.has_work());
    // Its name is used again before the machine was reached.
    ledger.request(asked(2));
    ledger.attached(&[]);
    assert_eq!(sent(&mut ledger), ["forget a/0", "run 2"]);
    ledger.report(&finished(2, 1));
    ledger.lost();
    ledger.attached(&[listed(2, "d2", RunState::Finished)]);
    assert_eq!(
        sent(&mut ledger),
        [""; 0],
        "the new unit's record must stay"
    );
}

#[test]
fn a_unit_that_is_gone_is_not_asked_for_again() {
    let unit = || "a/0".to_owned();
    // Not sent yet: never.
    let mut ledger = attached();
    ledger.request(asked(1));
    ledger.request(Request::Forget { unit: unit() });
    assert_eq!(sent(&mut ledger), ["forget a/0"]);
    assert!(!ledger.in_flight());
    // Sent: its end is waited for, but a cut that loses it is the end as well.
    let mut ledger = attached();
    ledger.request(asked(1));
    assert_eq!(sent(&mut ledger), ["run 1"]);
    ledger.request(Request::Forget { unit: unit() });
    assert_eq!(sent(&mut ledger), ["forget a/0"]);
    assert!(ledger.in_flight());
    ledger.lost();
    ledger.attached(&[]);
    assert_eq!(sent(&mut ledger), ["forget a/0"]);
    assert!(!ledger.in_flight());
}

#[test]
fn what_the_machine_asks_again_is_not_kept() {
    let mut ledger = Ledger::default();
    let run = id(1);
    ledger.request(Request::AckWrites { run, upto: 3 });
    ledger.request(Request::Grant {
        run: id(1),
        millis: 60_000,
    });
    assert!(!ledger.has_work());
    ledger.attached(&[]);
    assert_eq!(sent(&mut ledger), [""; 0]);
    ledger.request(Request::AckWrites {
        run: id(1),
        upto: 3,
    });
    assert_eq!(sent(&mut ledger), ["writes 1 3"]);
}

/// What was given up before it was sent is not begun when the machine comes
/// back; what runs there since another controller asked for it is ended.
#[test]
fn what_is_killed_before_it_is_sent_does_not_begin() {
    let kill = || Request::Kill {
        run: id(1),
        reason: "cancelled".to_owned(),
    };
    let mut ledger = Ledger::default();
    ledger.request(asked(1));
    ledger.request(kill());
    ledger.attached(&[]);
    assert_eq!(sent(&mut ledger), [""; 0]);
    assert!(!ledger.in_flight());

    let mut ledger = Ledger::default();
    ledger.request(asked(1));
    ledger.request(kill());
    ledger.attached(&[listed(1, "d1", RunState::Running)]);
    assert_eq!(sent(&mut ledger), ["kill 1"]);

    let mut ledger = attached();
    ledger.request(asked(1));
    assert_eq!(sent(&mut ledger), ["run 1"]);
    ledger.request(kill());
    assert_eq!(sent(&mut ledger), ["kill 1"]);
    ledger.lost();
    ledger.attached(&[]);
    assert_eq!(sent(&mut ledger), ["run 1", "kill 1"]);
}
