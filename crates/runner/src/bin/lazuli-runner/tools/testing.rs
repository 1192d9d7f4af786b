//! A hook's context for the tests of tools, without sockets.

use std::collections::BTreeMap;
use std::time::Duration;

use lazuli_runner::frames::{
    Answer as Reply, Context, HookRelation, Question, RelationContext, Write,
};

use super::{Answer, Input, Leadership, Session, Step, ToolContext, call, find};

/// The id of what a call makes.
pub(super) const FRESH: &str = "9m4e2mr0ui3e8a215n4g";

pub(super) struct Fixture {
    pub(super) unit: String,
    pub(super) context: Context,
    pub(super) session: Session,
    pub(super) leadership: Leadership,
    pub(super) input: Option<Input>,
    pub(super) files: BTreeMap<String, Input>,
}

impl Fixture {
    pub(super) fn new(unit: &str) -> Self {
        Self {
            unit: unit.to_owned(),
            context: Context::default(),
            session: Session::default(),
            leadership: Leadership::None,
            input: None,
            files: BTreeMap::new(),
        }
    }

    pub(super) fn leader(mut self) -> Self {
        self.leadership = Leadership::Granted(Duration::from_secs(60));
        self
    }

    /// A relation `db:1` between `a` and `b`, of which `b/0` and `b/1` joined.
    pub(super) fn related(mut self) -> Self {
        self.context.relations.push(RelationContext {
            id: 1,
            endpoint: "db".to_owned(),
            remote_app: "b".to_owned(),
            members: vec!["b/0".to_owned(), "b/1".to_owned()],
            own: [("private-address".to_owned(), "10.0.0.5".to_owned())].into(),
            own_app: Some([("app".to_owned(), "own".to_owned())].into()),
            remote_app_settings: [("remote".to_owned(), "app".to_owned())].into(),
            model_uuid: "uuid-2".to_owned(),
            ..RelationContext::default()
        });
        self
    }

    /// Within a hook of `db:1` about `b/0`.
    pub(super) fn in_relation_hook(mut self) -> Self {
        self = self.related();
        self.context.relation = Some(HookRelation {
            id: 1,
            remote_unit: "b/0".to_owned(),
            remote_app: "b".to_owned(),
            departing_unit: None,
            settings: [
                ("host".to_owned(), "h".to_owned()),
                ("port".to_owned(), "80".to_owned()),
            ]
            .into(),
        });
        self
    }

    pub(super) fn step(&self, args: &[&str]) -> Step {
        let ctx = ToolContext {
            unit: &self.unit,
            base: &self.context,
            session: &self.session,
            leadership: self.leadership.clone(),
            input: self.input.as_ref(),
            files: &self.files,
            fresh: FRESH,
        };
        let tool = find(args[0]).unwrap();
        let args: Vec<String> = args[1..].iter().map(|arg| (*arg).to_owned()).collect();
        call(&ctx, tool, &args)
    }

    pub(super) fn answer(&self, args: &[&str]) -> Answer {
        match self.step(args) {
            Step::Done(answer) => answer,
            other => panic!("{args:?}: {other:?}"),
        }
    }

    fn split(line: &str) -> Vec<&str> {
        line.split(' ').filter(|word| !word.is_empty()).collect()
    }

    pub(super) fn prints(&self, line: &str, stdout: &str) {
        self.prints_args(&Self::split(line), stdout);
    }

    pub(super) fn prints_args(&self, args: &[&str], stdout: &str) {
        let answer = self.answer(args);
        assert_eq!(
            (answer.code, answer.stdout.as_str(), answer.stderr.as_str()),
            (0, stdout, ""),
            "{args:?}"
        );
    }

    pub(super) fn fails(&self, line: &str, code: u8, text: &str) {
        self.fails_args(&Self::split(line), code, text);
    }

    pub(super) fn fails_args(&self, args: &[&str], code: u8, text: &str) {
        let answer = self.answer(args);
        assert_eq!(
            (answer.code, answer.stderr, answer.stdout, answer.writes),
            (code, format!("ERROR {text}\n"), String::new(), Vec::new()),
            "{args:?}"
        );
    }

    pub(super) fn asks(&self, line: &str, question: &Question) {
        assert_eq!(
            self.step(&Self::split(line)),
            Step::Ask(question.clone()),
            "{line}"
        );
    }

    pub(super) fn answered(&mut self, question: Question, answer: Result<Reply, &str>) {
        self.session
            .answered(question, answer.map_err(str::to_owned));
    }

    /// Calls a tool that writes, and takes its writes in.
    pub(super) fn writes(&mut self, args: &[&str]) -> Vec<Write> {
        let answer = self.answer(args);
        assert_eq!((answer.code, answer.stderr.as_str()), (0, ""), "{args:?}");
        for write in &answer.writes {
            self.session.apply(write).unwrap();
        }
        answer.writes
    }
}
