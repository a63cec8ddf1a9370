//! Plays a [`StackScript`]: answers the calls about its one stack. Input: calls as they come. Output: answers as CloudFormation
//! gives them, events newest first and in pages.

use std::collections::BTreeMap;

use axum::response::Response;
use jiff::Timestamp;
use uuid::Uuid;

use super::calls::Call;
use super::refusal::Refusal;
use super::stack_script::{Event, StackScript};
use super::xml::{self, list, text};
use crate::info::ACCOUNT;

/// Events on a page: few, so that every test turns pages.
const PAGE: usize = 4;

/// What is to be done about a call.
pub(super) enum ScriptedAnswer {
    /// This is the answer.
    Answer(Response),
    /// This is the answer, once moto has done what is asked.
    AfterMoto(Response),
}

/// A stack that plays its life.
#[derive(Debug)]
pub(super) struct Stack {
    life: StackScript,
    /// None until CreateStack.
    born: Option<Creation>,
    /// How often each of the two calls that make time pass was answered.
    asked: BTreeMap<String, usize>,
    /// How many turns have passed.
    turns: usize,
    /// Oldest first.
    events: Vec<Observed>,
}

#[derive(Clone, Debug)]
struct Creation {
    id: String,
    name: String,
    tags: Vec<(String, String)>,
    token: Option<String>,
    time: Timestamp,
}

/// An event that has happened.
#[derive(Debug)]
struct Observed {
    id: Uuid,
    time: Timestamp,
    physical_id: String,
    event: Event,
}

impl Stack {
    pub(super) fn new(life: StackScript) -> Self {
        let born = life.existing.clone().map(|existing| Creation::new(existing.name, existing.tags, None, "us-west-2"));
        Self { life, born, asked: BTreeMap::new(), turns: 0, events: Vec::new() }
    }

    /// The answer to a call about this stack; none if it is about something else.
    pub(super) fn answer(&mut self, call: &Call) -> Option<ScriptedAnswer> {
        let named = call.parameters.get("StackName").map(String::as_str);
        if call.operation == "CreateStack" {
            return Some(self.create(call));
        }
        let born = self.born.clone()?;
        if named != Some(born.name.as_str()) && named != Some(born.id.as_str()) {
            return None;
        }
        let answer = match call.operation.as_str() {
            "DescribeStacks" => self.answer_and_advance(&call.operation, |stack| stack.describe(&born)),
            "DescribeStackEvents" => match call.parameters.get("NextToken").and_then(|token| token.parse().ok()) {
                Some(older) => self.events(&born, older),
                None => self.answer_and_advance(&call.operation, |stack| stack.events(&born, usize::MAX)),
            },
            "DescribeStackResources" => self.resources(&born),
            _ => return None,
        };
        Some(ScriptedAnswer::Answer(answer))
    }

    fn create(&mut self, call: &Call) -> ScriptedAnswer {
        let parameter = |name: &str| call.parameters.get(name).cloned();
        let (name, token) = (parameter("StackName").unwrap_or_default(), parameter("ClientRequestToken"));
        if !self.life.refused.is_empty() {
            return ScriptedAnswer::Answer(xml::refused(&self.life.refused.remove(0)));
        }
        if let Some(born) = self.born.as_ref().filter(|born| born.name == name) {
            // "You might retry CreateStack requests to ensure that CloudFormation successfully received them."
            let same = token.is_some() && born.token == token;
            return ScriptedAnswer::Answer(if same {
                created(&born.id)
            } else {
                xml::refused(&Refusal::exists(&name))
            });
        }
        let tag = |n: usize| {
            Some((parameter(&format!("Tags.member.{n}.Key"))?, parameter(&format!("Tags.member.{n}.Value"))?))
        };
        let born = Creation::new(name, (1..).map_while(tag).collect(), token, &call.region);
        let answer = created(&born.id);
        self.born = Some(born);
        // Where all ends well, there is a cluster in the end.
        let ends_well = self.life.turns.last().is_some_and(|turn| turn.status == "CREATE_COMPLETE");
        if ends_well && !self.life.hollow { ScriptedAnswer::AfterMoto(answer) } else { ScriptedAnswer::Answer(answer) }
    }

    /// Lets a turn pass if this operation has seen the present one, unless it is refused; then answers.
    fn answer_and_advance(&mut self, operation: &str, answer: impl FnOnce(&Self) -> Response) -> Response {
        let seen = self.asked.get(operation).copied().unwrap_or_default();
        let next = seen.max(self.turns.saturating_sub(1)).min(self.life.turns.len().saturating_sub(1));
        if let Some(turn) = self.life.turns.get_mut(next).filter(|turn| !turn.refused.is_empty()) {
            return xml::refused(&turn.refused.remove(0));
        }
        self.asked.insert(operation.to_owned(), next + 1);
        if next == self.turns {
            self.advance();
        }
        answer(self)
    }

    fn advance(&mut self) {
        let Some((turn, born)) = self.life.turns.get(self.turns).zip(self.born.as_ref()) else { return };
        let before = self.turns.checked_sub(1).and_then(|before| self.life.turns.get(before));
        let own = Event {
            logical_id: born.name.clone(),
            kind: "AWS::CloudFormation::Stack".to_owned(),
            status: turn.status.clone(),
            reason: turn.reason.clone(),
        };
        let changed = before.is_none_or(|before| before.status != turn.status);
        // The stack begins before its resources, and ends after them.
        let (first, last) = if turn.status.ends_with("IN_PROGRESS") { (Some(own), None) } else { (None, Some(own)) };
        let events =
            first.filter(|_| changed).into_iter().chain(turn.events.iter().cloned()).chain(last.filter(|_| changed));
        let (time, stack) = (Timestamp::now(), born.clone());
        self.events.extend(events.map(|event| Observed::new(event, &stack, time)));
        self.turns += 1;
    }

    fn describe(&self, born: &Creation) -> Response {
        let now = self.turns.checked_sub(1).and_then(|now| self.life.turns.get(now));
        let tags = born.tags.iter().map(|(key, value)| text("Key", Some(key)) + &text("Value", Some(value)));
        let stack = [
            text("StackId", Some(&born.id)),
            text("StackName", Some(&born.name)),
            text("CreationTime", Some(&format!("{:.3}", born.time))),
            text("StackStatus", now.map(|turn| turn.status.as_str())),
            text("StackStatusReason", now.and_then(|turn| turn.reason.as_deref())),
            text("DisableRollback", Some("false")),
            list("Tags", tags),
        ];
        xml::result("DescribeStacks", &list("Stacks", [stack.concat()]))
    }

    /// A page of events: the newest of the oldest so many.
    fn events(&self, born: &Creation, older: usize) -> Response {
        let there = &self.events[..older.min(self.events.len())];
        let rest = there.len().saturating_sub(PAGE);
        let page = there[rest..].iter().rev().map(|told| told.as_event(born));
        let next = (rest > 0).then(|| rest.to_string());
        xml::result("DescribeStackEvents", &(list("StackEvents", page) + &text("NextToken", next.as_deref())))
    }

    fn resources(&self, born: &Creation) -> Response {
        let resources = self.events.iter().filter(|told| told.event.logical_id != born.name);
        let newest: BTreeMap<&str, &Observed> = resources.map(|told| (told.event.logical_id.as_str(), told)).collect();
        let resources = newest.values().map(|told| told.as_resource(born));
        xml::result("DescribeStackResources", &list("StackResources", resources))
    }
}

impl Creation {
    fn new(name: String, tags: Vec<(String, String)>, token: Option<String>, region: &str) -> Self {
        let id = format!("arn:aws:cloudformation:{region}:{ACCOUNT}:stack/{name}/{}", Uuid::new_v4());
        Self { id, name, tags, token, time: Timestamp::now() }
    }
}

impl Observed {
    fn new(event: Event, stack: &Creation, time: Timestamp) -> Self {
        let physical_id = if event.logical_id == stack.name {
            stack.id.clone()
        } else if event.status.ends_with("COMPLETE") {
            format!("{}-0123456789abcdef0", event.logical_id.to_lowercase())
        } else {
            String::new()
        };
        Self { id: Uuid::new_v4(), time, physical_id, event }
    }

    fn as_event(&self, stack: &Creation) -> String {
        text("EventId", Some(&self.id.to_string())) + &self.as_resource(stack)
    }

    /// All but the event's id.
    fn as_resource(&self, stack: &Creation) -> String {
        [
            text("StackId", Some(&stack.id)),
            text("StackName", Some(&stack.name)),
            text("LogicalResourceId", Some(&self.event.logical_id)),
            text("PhysicalResourceId", Some(&self.physical_id)),
            text("ResourceType", Some(&self.event.kind)),
            text("Timestamp", Some(&format!("{:.3}", self.time))),
            text("ResourceStatus", Some(&self.event.status)),
            text("ResourceStatusReason", self.event.reason.as_deref()),
        ]
        .concat()
    }
}

fn created(id: &str) -> Response {
    xml::result("CreateStack", &text("StackId", Some(id)))
}

#[cfg(test)]
#[path = "stack_tests.rs"]
mod tests;
