//! Outcomes of commands that are reported twice: a connection may be cut
//! between the commit and the machine's hearing of it. Hooks and tasks have
//! rows that tell; a command that a program on a machine wished for has none.

use std::collections::VecDeque;

use lazuli_runner::frames::RunId;

/// Outcomes that are remembered, at most; machines have few wishes at a time.
const REMEMBERED: usize = 256;

/// The commands whose outcomes were taken lately.
#[derive(Debug, Default)]
pub(crate) struct Replays(VecDeque<RunId>);

impl Replays {
    /// Whether a run's outcome comes for the first time; remembers it.
    pub(crate) fn is_first(&mut self, run: &RunId) -> bool {
        if self.0.contains(run) {
            return false;
        }
        if self.0.len() >= REMEMBERED {
            self.0.pop_front();
        }
        self.0.push_back(run.clone());
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_outcome_is_first_once_and_few_are_remembered() {
        let mut replays = Replays::default();
        let run = |n| RunId::of_wish("u".to_owned(), n);
        assert!(replays.is_first(&run(0)));
        assert!(!replays.is_first(&run(0)));
        for n in 1..=300 {
            assert!(replays.is_first(&run(n)));
        }
        assert_eq!(replays.0.len(), REMEMBERED);
    }
}
