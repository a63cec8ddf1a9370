//! The script of a stack's life: what CloudFormation tells of it, turn by turn. A turn passes when it has been asked for: each
//! DescribeStacks and each first page of DescribeStackEvents sees the next one, whichever of the two comes more often. So a
//! test waits for nothing but the plugin's own pauses.

pub use super::refusal::Refusal;

/// A stack's life.
#[derive(Clone, Debug, Default)]
pub struct StackScript {
    pub(super) existing: Option<Existing>,
    pub(super) refused: Vec<Refusal>,
    pub(super) turns: Vec<Step>,
    pub(super) hollow: bool,
}

/// A stack that is there before anybody makes it.
#[derive(Clone, Debug)]
pub(super) struct Existing {
    pub(super) name: String,
    pub(super) tags: Vec<(String, String)>,
}

/// What is told in one turn, beside all that was told before.
#[derive(Clone, Debug)]
pub struct Step {
    pub(super) status: String,
    pub(super) reason: Option<String>,
    pub(super) refused: Vec<Refusal>,
    pub(super) events: Vec<Event>,
}

/// An event of a resource.
#[derive(Clone, Debug)]
pub(super) struct Event {
    pub(super) logical_id: String,
    pub(super) kind: String,
    pub(super) status: String,
    pub(super) reason: Option<String>,
}

impl StackScript {
    /// The life of a stack that CreateStack begins. The last turn stays. If it is CREATE_COMPLETE, moto makes the stack
    /// before that is told.
    #[must_use]
    pub fn of(turns: impl IntoIterator<Item = Step>) -> Self {
        Self { turns: turns.into_iter().collect(), ..Self::default() }
    }

    /// The stack is there before anybody calls CreateStack.
    #[must_use]
    pub fn existing(mut self, name: &str, tags: &[(&str, &str)]) -> Self {
        let tags = tags.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        self.existing = Some(Existing { name: name.to_owned(), tags });
        self
    }

    /// Even if the last turn is CREATE_COMPLETE, moto makes nothing.
    #[must_use]
    pub fn create_nothing(mut self) -> Self {
        self.hollow = true;
        self
    }

    /// CreateStack is refused once more.
    #[must_use]
    pub fn create_refused(mut self, refusal: Refusal) -> Self {
        self.refused.push(refusal);
        self
    }
}

impl Step {
    /// A turn in which the stack has a status.
    #[must_use]
    pub fn new(status: &str) -> Self {
        Self { status: status.to_owned(), reason: None, refused: Vec::new(), events: Vec::new() }
    }

    /// Why the stack has this status.
    #[must_use]
    pub fn because(mut self, reason: &str) -> Self {
        self.reason = Some(reason.to_owned());
        self
    }

    /// The calls that would tell of this turn are first refused so many times.
    #[must_use]
    pub fn refused(mut self, refusal: &Refusal, times: usize) -> Self {
        self.refused.extend(std::iter::repeat_n(refusal.clone(), times));
        self
    }

    /// A resource is begun.
    #[must_use]
    pub fn began(self, logical_id: &str, kind: &str) -> Self {
        self.event(logical_id, kind, "CREATE_IN_PROGRESS", None)
    }

    /// A resource is made.
    #[must_use]
    pub fn made(self, logical_id: &str, kind: &str) -> Self {
        self.event(logical_id, kind, "CREATE_COMPLETE", None)
    }

    /// A resource can't be made.
    #[must_use]
    pub fn failed(self, logical_id: &str, kind: &str, reason: &str) -> Self {
        self.event(logical_id, kind, "CREATE_FAILED", Some(reason))
    }

    /// Anything else that happens to a resource.
    #[must_use]
    pub fn event(mut self, logical_id: &str, kind: &str, status: &str, reason: Option<&str>) -> Self {
        let (logical_id, kind, status) = (logical_id.to_owned(), kind.to_owned(), status.to_owned());
        self.events.push(Event { logical_id, kind, status, reason: reason.map(str::to_owned) });
        self
    }
}
