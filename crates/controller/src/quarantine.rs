//! What cannot be stored must not stop everything else, nor be blamed on
//! whoever came with it.
//!
//! A batch that the database refuses for what is in it is put away, and the
//! planner's own decisions are committed first: if they are refused, no
//! message is to blame, and all of them wait. Then the messages are taken one
//! by one, and the one that is refused alone is the one that cannot be stored.

use std::collections::VecDeque;

use lazuli_store::StoreError;

use crate::message::Message;
use crate::news;

/// Messages of a batch that was refused.
#[derive(Debug, Default)]
pub(crate) struct Quarantine {
    held: VecDeque<Message>,
    /// The batch is one message out of here.
    alone: bool,
    /// How often in a row a batch without messages was refused.
    decisions: u32,
}

/// Decisions that were refused this often in a row, and no message with them,
/// are not a matter of chance: operators are told.
const STUCK: u32 = 3;

impl Quarantine {
    /// Takes what was refused out of the batch. A message that was alone in
    /// it is dropped, or something takes its place that can be stored: the
    /// outcome of a hook becomes a failure that says so.
    pub(crate) fn refuse(&mut self, batch: &mut Vec<Message>, error: &StoreError) {
        if batch.is_empty() {
            self.decisions = self.decisions.saturating_add(1);
        }
        if !std::mem::take(&mut self.alone) {
            self.held.extend(batch.drain(..));
            return;
        }
        for message in batch.drain(..) {
            tracing::error!(%error, ?message, "dropped what cannot be stored");
            if let Some(instead) = news::unstorable(message, error) {
                self.held.push_front(instead);
            }
        }
    }

    /// The next message, to be a batch of its own.
    pub(crate) fn next(&mut self) -> Option<Message> {
        let message = self.held.pop_front();
        self.alone = message.is_some();
        message
    }

    /// The batch was committed.
    pub(crate) fn accepted(&mut self) {
        self.alone = false;
        self.decisions = 0;
    }

    /// Whether what the planner decides by itself is refused again and again.
    pub(crate) fn is_stuck(&self) -> bool {
        self.decisions >= STUCK
    }
}

#[cfg(test)]
mod tests {
    use lazuli_model::id::{GenericUuid, MachineId};
    use uuid::Uuid;

    use super::*;

    fn error() -> StoreError {
        StoreError::Invalid {
            what: "a row".into(),
            why: "it is too long".into(),
        }
    }

    fn message(n: u128) -> Message {
        Message::Looked {
            machine: MachineId::from_untyped_uuid(Uuid::from_u128(n)),
            result: Err(String::new()),
        }
    }

    fn number(message: &Message) -> u128 {
        match message {
            Message::Looked { machine, .. } => machine.as_untyped_uuid().as_u128(),
            other => panic!("{other:?} is not one of ours"),
        }
    }

    /// Commits until nothing is held; the batches that were tried.
    fn drive(messages: u128, is_bad: impl Fn(&[u128]) -> bool) -> (Vec<Vec<u128>>, Vec<u128>) {
        let mut quarantine = Quarantine::default();
        let mut batch: Vec<_> = (0..messages).map(message).collect();
        let (mut tried, mut stored) = (Vec::new(), Vec::new());
        while tried.len() < 20 {
            let numbers: Vec<_> = batch.iter().map(number).collect();
            tried.push(numbers.clone());
            if is_bad(&numbers) {
                quarantine.refuse(&mut batch, &error());
                continue;
            }
            stored.extend(numbers);
            batch.clear();
            quarantine.accepted();
            match quarantine.next() {
                Some(next) => batch.push(next),
                None => break,
            }
        }
        (tried, stored)
    }

    #[test]
    fn the_message_that_cannot_be_stored_is_the_only_one_that_is_lost() {
        let (_, stored) = drive(4, |batch| batch.contains(&2));
        assert_eq!(stored, [0, 1, 3]);
        let (tried, stored) = drive(1, |batch| batch.contains(&0));
        assert_eq!(tried, [vec![0], vec![], vec![0], vec![]]);
        assert_eq!(stored, []);
    }

    #[test]
    fn no_message_is_blamed_for_what_the_planner_decides() {
        let mut quarantine = Quarantine::default();
        let mut batch = vec![message(1), message(2)];
        for _ in 0..5 {
            quarantine.refuse(&mut batch, &error());
        }
        assert!(quarantine.is_stuck());
        quarantine.accepted();
        assert!(!quarantine.is_stuck());
        let kept: Vec<_> = std::iter::from_fn(|| quarantine.next())
            .map(|m| number(&m))
            .collect();
        assert_eq!(kept, [1, 2]);
    }
}
