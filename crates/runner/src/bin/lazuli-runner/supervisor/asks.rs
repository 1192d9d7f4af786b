//! Questions of tools that wait for the controller.

use std::collections::BTreeMap;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use lazuli_runner::frames::{Answer, Question, Report, RunId};

use crate::journal::Owner;

/// All questions without an answer.
#[derive(Debug, Default)]
pub(crate) struct Asks {
    waiting: Mutex<Waiting>,
}

#[derive(Debug, Default)]
struct Waiting {
    last: u64,
    asks: BTreeMap<u64, Ask>,
}

#[derive(Debug)]
struct Ask {
    owner: Owner,
    run: RunId,
    question: Question,
    cell: Arc<Cell>,
}

#[derive(Debug, Default)]
struct Cell {
    answer: Mutex<Option<Result<Answer, String>>>,
    answered: Condvar,
}

impl Cell {
    fn set(&self, answer: Result<Answer, String>) {
        let mut cell = self.answer.lock().unwrap_or_else(PoisonError::into_inner);
        cell.get_or_insert(answer);
        self.answered.notify_all();
    }

    fn wait(&self, limit: Duration) -> Option<Result<Answer, String>> {
        let answer = self.answer.lock().unwrap_or_else(PoisonError::into_inner);
        let (mut answer, _) = self
            .answered
            .wait_timeout_while(answer, limit, |answer| answer.is_none())
            .unwrap_or_else(PoisonError::into_inner);
        answer.take()
    }
}

impl Asks {
    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Asks, sends, and waits for the answer, at most for `limit`.
    pub(crate) fn ask(
        &self,
        owner: &Owner,
        run: &RunId,
        question: &Question,
        limit: Duration,
        send: impl FnOnce(Report),
    ) -> Result<Answer, String> {
        let cell = Arc::new(Cell::default());
        let number = {
            let mut waiting = self.waiting();
            waiting.last += 1;
            let number = waiting.last;
            waiting.asks.insert(
                number,
                Ask {
                    owner: owner.clone(),
                    run: run.clone(),
                    question: question.clone(),
                    cell: Arc::clone(&cell),
                },
            );
            number
        };
        send(report(number, run, question));
        let answer = cell.wait(limit);
        self.waiting().asks.remove(&number);
        answer.unwrap_or_else(|| Err("the controller did not answer in time".to_owned()))
    }

    /// Takes an answer in; answers to nothing are ignored.
    pub(crate) fn answer(&self, run: &RunId, number: u64, answer: Result<Answer, String>) {
        let waiting = self.waiting();
        if let Some(ask) = waiting.asks.get(&number).filter(|ask| ask.run == *run) {
            ask.cell.set(answer);
        }
    }

    /// What to ask again of an owner's new connection.
    pub(crate) fn reports(&self, owner: &Owner) -> Vec<Report> {
        self.waiting()
            .asks
            .iter()
            .filter(|(_, ask)| ask.owner == *owner)
            .map(|(number, ask)| report(*number, &ask.run, &ask.question))
            .collect()
    }

    /// Gives up everything that a run asked.
    pub(crate) fn abort_run(&self, run: &RunId) {
        for ask in self.waiting().asks.values().filter(|ask| ask.run == *run) {
            ask.cell.set(Err("the hook has ended".to_owned()));
        }
    }

    /// Gives up what cannot wait for another connection: leadership.
    pub(crate) fn abort_leadership(&self, owner: &Owner) {
        for ask in self.waiting().asks.values() {
            if ask.owner == *owner && ask.question == Question::Leader {
                ask.cell
                    .set(Err("the connection to the controller was lost".to_owned()));
            }
        }
    }
}

fn report(number: u64, run: &RunId, question: &Question) -> Report {
    Report::Ask {
        run: run.clone(),
        ask: number,
        question: question.clone(),
    }
}
