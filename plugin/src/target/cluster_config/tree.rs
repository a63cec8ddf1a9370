//! YAML as a tree in which every name knows its line, so that messages can point at it. Input: a file's text. Output: its
//! documents, for `cluster_config`, which knows what their fields mean.

use std::fmt;

use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_saphyr::{MessageFormatter as _, Spanned, UserMessageFormatter};

/// One YAML document.
#[derive(Debug)]
pub(super) struct Document {
    /// The line on which its content begins.
    pub(super) line: u64,
    /// What it holds.
    pub(super) content: Value,
}

/// A value. What none of our fields can hold is only named.
#[derive(Debug)]
pub(super) enum Value {
    /// Text, quoted or not.
    Text(String),
    /// `name: value` lines.
    Mapping(Vec<Field>),
    /// Nothing, `~` or `null`.
    Nothing,
    /// A number or the like, in words.
    Scalar(&'static str),
    /// `- value` lines.
    List,
}

impl Value {
    /// What this is, in words.
    pub(super) fn told(&self) -> &'static str {
        match self {
            Self::Text(_) => "text",
            Self::Mapping(_) => "a mapping",
            Self::Nothing => "nothing",
            Self::Scalar(what) => what,
            Self::List => "a list",
        }
    }

    /// The text, if it is one.
    pub(super) fn text(&self) -> Option<&str> {
        if let Self::Text(text) = self { Some(text) } else { None }
    }

    /// The fields, if it has any.
    pub(super) fn fields(&self) -> &[Field] {
        if let Self::Mapping(fields) = self { fields } else { &[] }
    }
}

/// One `name: value`.
#[derive(Debug)]
pub(super) struct Field {
    /// The name, as written.
    pub(super) name: String,
    /// The name's line.
    pub(super) line: u64,
    /// The value.
    pub(super) value: Value,
}

/// Why a text is no YAML.
#[derive(Debug)]
pub(super) struct Broken {
    /// The line, where it is known.
    pub(super) line: Option<u64>,
    /// What is wrong there.
    pub(super) what: What,
}

/// What is wrong in a text.
#[derive(Debug)]
pub(super) enum What {
    /// The same name twice in one mapping.
    Twice(String),
    /// The YAML reader's words.
    Syntax(String),
}

/// Reads all documents; those that hold nothing are left out.
pub(super) fn read(text: &str) -> Result<Vec<Document>, Broken> {
    // Fields that are not ours may hold anything that YAML can.
    let options = serde_saphyr::options! {
        with_snippet: false,
        non_finite_float_policy: serde_saphyr::NonFiniteFloatPolicy::PassThrough,
        ignore_binary_tag_for_string: true,
    };
    let documents: Vec<Spanned<Value>> =
        serde_saphyr::from_multiple_with_options(text, options).map_err(|error| Broken::of(&error))?;
    Ok(documents
        .into_iter()
        .map(|document| Document { line: document.referenced.line(), content: document.value })
        .collect())
}

impl Broken {
    fn of(error: &serde_saphyr::Error) -> Self {
        let what = match error {
            serde_saphyr::Error::DuplicateMappingKey { key: Some(key), .. } => What::Twice(key.clone()),
            error => What::Syntax(UserMessageFormatter.format_message(error).into_owned()),
        };
        Self { line: error.location().map(|location| location.line()).filter(|line| *line > 0), what }
    }
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(AnyValue)
    }
}

struct AnyValue;

impl<'de> Visitor<'de> for AnyValue {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_str<E>(self, text: &str) -> Result<Value, E> {
        Ok(Value::Text(text.to_owned()))
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Nothing)
    }

    fn visit_none<E>(self) -> Result<Value, E> {
        Ok(Value::Nothing)
    }

    fn visit_bool<E>(self, _: bool) -> Result<Value, E> {
        Ok(Value::Scalar("a yes or no to YAML"))
    }

    fn visit_i64<E>(self, _: i64) -> Result<Value, E> {
        Ok(Value::Scalar("a number to YAML"))
    }

    fn visit_u64<E>(self, _: u64) -> Result<Value, E> {
        Ok(Value::Scalar("a number to YAML"))
    }

    fn visit_i128<E>(self, _: i128) -> Result<Value, E> {
        Ok(Value::Scalar("a number to YAML"))
    }

    fn visit_u128<E>(self, _: u128) -> Result<Value, E> {
        Ok(Value::Scalar("a number to YAML"))
    }

    fn visit_f64<E>(self, _: f64) -> Result<Value, E> {
        Ok(Value::Scalar("a number to YAML"))
    }

    fn visit_bytes<E>(self, _: &[u8]) -> Result<Value, E> {
        Ok(Value::Scalar("binary data"))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Value, A::Error> {
        while list.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Value::List)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        let mut fields = Vec::new();
        while let Some(name) = map.next_key::<Spanned<String>>()? {
            fields.push(Field { line: name.referenced.line(), name: name.value, value: map.next_value()? });
        }
        Ok(Value::Mapping(fields))
    }
}
