//! The template's resources while they are written down, and the few words of CloudFormation's language that all of them use.
//! Input: each resource from the file about it. Output: the template's `Resources`, in the order of their making.

use serde_json::{Map, Value, json};

/// What has been written down.
#[derive(Default)]
pub(super) struct Resources(Map<String, Value>);

impl Resources {
    /// One more.
    pub(super) fn add(&mut self, id: &str, kind: &str, properties: Value) {
        self.0.insert(id.to_owned(), json!({"Type": kind, "Properties": properties}));
    }

    /// One more, which must wait for others: for those that it needs and does not name, CloudFormation can't know it.
    pub(super) fn add_after(&mut self, others: &[String], id: &str, kind: &str, properties: Value) {
        if others.is_empty() {
            return self.add(id, kind, properties);
        }
        self.0.insert(id.to_owned(), json!({"Type": kind, "DependsOn": others, "Properties": properties}));
    }

    /// All of them.
    pub(super) fn into_value(self) -> Value {
        Value::Object(self.0)
    }
}

/// Another resource's id.
pub(super) fn refer(id: &str) -> Value {
    json!({"Ref": id})
}

/// The ids of several.
pub(super) fn refer_all<'a>(ids: impl IntoIterator<Item = &'a String>) -> Value {
    ids.into_iter().map(|id| refer(id)).collect()
}

/// Another resource's attribute.
pub(super) fn attribute(id: &str, name: &str) -> Value {
    json!({"Fn::GetAtt": [id, name]})
}

/// A text with `${...}` in it. Never give it words of the file's: `${` in them would be taken for CloudFormation's.
pub(super) fn substitute(text: &str) -> Value {
    json!({"Fn::Sub": text})
}

/// A tag.
pub(super) fn tag(key: &str, value: impl Into<Value>) -> Value {
    json!({"Key": key, "Value": value.into()})
}

/// The tag that consoles show as a thing's name.
pub(super) fn name(id: &str) -> Value {
    tag("Name", substitute(&format!("${{AWS::StackName}}/{id}")))
}
