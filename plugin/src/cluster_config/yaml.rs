//! YAML as a tree in which every name knows its line, so that messages can point at it. Input: a file's text. Output: its
//! documents, for `cluster_config`, which knows what their fields mean.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_saphyr::{MessageFormatter as _, Spanned, UserMessageFormatter};

/// How deep it may be nested. eksctl's own files have some 12 levels, kubeconfigs 8; 60 took the stack.
const MAX_DEPTH: usize = 24;

/// How many bytes its values may have: all of a kubeconfig.
const MAX_SCALAR_BYTES: usize = 8 << 20;

/// How many values aliases may stand for, in all and each.
const MAX_REPLAYED_VALUES: usize = 10_000;
const MAX_ALIAS_EXPANSIONS: usize = 1_000;

/// A value, and where it is: a document, an item of a list, what stands after a name.
#[derive(Debug)]
pub(crate) struct Node {
    /// The line on which it begins.
    pub(crate) line: u64,
    /// What it is.
    pub(crate) value: Value,
    /// From which byte of the text to which it is written.
    bytes: Option<std::ops::Range<usize>>,
}

impl Node {
    /// The value as it is written: `1.30`, where YAML knows a number 1.3.
    pub(crate) fn source_text<'a>(&self, text: &'a str) -> Option<&'a str> {
        text.get(self.bytes.clone()?)
    }
}

/// A value. What no field of a ClusterConfig can hold is only named.
#[derive(Debug)]
pub(crate) enum Value {
    /// Text, quoted or not.
    Text(String),
    /// `name: value` lines.
    Mapping(Vec<Field>),
    /// `- value` lines.
    List(Vec<Node>),
    /// Nothing, `~` or `null`.
    Nothing,
    /// `true`, `no` and the like.
    Bool(bool),
    /// A whole number.
    Whole(i128),
    /// Any other number.
    Fraction,
    /// Bytes.
    Binary,
}

impl Value {
    /// What this is, in words.
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Self::Text(_) => "text",
            Self::Mapping(_) => "a mapping",
            Self::List(_) => "a list",
            Self::Nothing => "nothing",
            Self::Bool(_) => "a yes or no to YAML",
            Self::Whole(_) | Self::Fraction => "a number to YAML",
            Self::Binary => "binary data",
        }
    }

    /// The text, if it is one.
    pub(crate) fn text(&self) -> Option<&str> {
        if let Self::Text(text) = self { Some(text) } else { None }
    }

    /// The fields, if it has any.
    pub(crate) fn fields(&self) -> &[Field] {
        if let Self::Mapping(fields) = self { fields } else { &[] }
    }
}

/// One `name: value`.
#[derive(Debug)]
pub(crate) struct Field {
    /// The name, as written.
    pub(crate) name: String,
    /// The name's line.
    pub(crate) line: u64,
    /// The value.
    pub(crate) node: Node,
}

impl Field {
    /// The value, wherever it is.
    pub(crate) fn value(&self) -> &Value {
        &self.node.value
    }
}

/// Why a text is no YAML.
#[derive(Debug)]
pub(super) struct YamlError {
    /// The line, where it is known.
    pub(super) line: Option<u64>,
    /// What is wrong there.
    pub(super) what: YamlErrorKind,
}

/// What is wrong in a text.
#[derive(Debug)]
pub(super) enum YamlErrorKind {
    /// The same name twice in one mapping.
    Twice(String),
    /// The YAML reader's words.
    Syntax(String),
}

/// Reads all documents; those that hold nothing are left out.
pub(super) fn read(text: &str) -> Result<Vec<Node>, YamlError> {
    serde_saphyr::from_multiple_with_options(text, options()).map_err(|error| YamlError::from_saphyr(&error))
}

/// How YAML of any origin is read: whatever it holds, it takes neither the stack nor much memory.
pub(crate) fn options() -> serde_saphyr::Options {
    serde_saphyr::options! {
        with_snippet: false,
        // Fields that are not ours may hold anything that YAML can.
        non_finite_float_policy: serde_saphyr::NonFiniteFloatPolicy::PassThrough,
        ignore_binary_tag_for_string: true,
        budget: serde_saphyr::budget! {
            max_depth: MAX_DEPTH,
            max_total_scalar_bytes: MAX_SCALAR_BYTES,
        },
        alias_limits: serde_saphyr::alias_limits! {
            max_total_replayed_events: MAX_REPLAYED_VALUES,
            max_alias_expansions_per_anchor: MAX_ALIAS_EXPANSIONS,
        },
    }
}

impl YamlError {
    fn from_saphyr(error: &serde_saphyr::Error) -> Self {
        let what = match error {
            serde_saphyr::Error::DuplicateMappingKey { key: Some(key), .. } => YamlErrorKind::Twice(key.clone()),
            error => YamlErrorKind::Syntax(UserMessageFormatter.format_message(error).into_owned()),
        };
        Self { line: error.location().map(|location| location.line()).filter(|line| *line > 0), what }
    }
}

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Spanned { value, referenced, defined } = Spanned::deserialize(deserializer)?;
        let span = defined.span();
        let bytes = span.byte_offset().zip(span.byte_len()).and_then(|(from, count)| {
            let from = usize::try_from(from).ok()?;
            Some(from..from.checked_add(usize::try_from(count).ok()?)?)
        });
        Ok(Self { line: referenced.line(), value, bytes })
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

    fn visit_bool<E>(self, yes: bool) -> Result<Value, E> {
        Ok(Value::Bool(yes))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Value, E> {
        Ok(Value::Whole(number.into()))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Value, E> {
        Ok(Value::Whole(number.into()))
    }

    fn visit_i128<E>(self, number: i128) -> Result<Value, E> {
        Ok(Value::Whole(number))
    }

    fn visit_u128<E>(self, number: u128) -> Result<Value, E> {
        Ok(i128::try_from(number).map_or(Value::Fraction, Value::Whole))
    }

    fn visit_f64<E>(self, _: f64) -> Result<Value, E> {
        Ok(Value::Fraction)
    }

    fn visit_bytes<E>(self, _: &[u8]) -> Result<Value, E> {
        Ok(Value::Binary)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Value, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = list.next_element()? {
            items.push(item);
        }
        Ok(Value::List(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        let mut fields = Vec::new();
        while let Some(name) = map.next_key::<Spanned<String>>()? {
            fields.push(Field { line: name.referenced.line(), name: name.value, node: map.next_value()? });
        }
        Ok(Value::Mapping(fields))
    }
}
