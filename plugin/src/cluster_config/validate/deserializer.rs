//! A file's tree, as serde reads it: strict where YAML is lenient, and every error knows its field's path and line. Input: a
//! `Node`. Output: any type of `file`, or what is wrong and where; `field_errors` says it in words.

use std::fmt;

use serde::de::value::BorrowedStrDeserializer;
use serde::de::{self, DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};

use super::field_path::{item, under};
use crate::cluster_config::Source;
use crate::cluster_config::yaml::{Field, Node, Value};

/// What is wrong with a tree.
#[derive(Debug)]
pub(super) struct DeserializeError {
    /// The field's path (`managedNodeGroups[0].name`) and line. For what is missing or unknown, those of what it is in.
    pub(super) place: Option<(String, u64)>,
    pub(super) what: ErrorKind,
}

/// What is wrong there.
#[derive(Debug)]
pub(super) enum ErrorKind {
    /// A name that nobody knows, and those that are known.
    Unknown(String, &'static [&'static str]),
    /// A word that is none of those.
    Choice(String, &'static [&'static str]),
    /// A field is not there.
    Missing(&'static str),
    /// A field has no value.
    Nothing,
    /// A field's value is something else than it must be, in words.
    Kind(String, String),
    /// The types do what `node` can't. Never seen by anybody, if the tests pass.
    Unforeseen(String),
}

impl DeserializeError {
    fn without_location(what: ErrorKind) -> Self {
        Self { place: None, what }
    }

    /// Where, unless that is known more exactly.
    fn with_location(mut self, path: &str, line: u64) -> Self {
        self.place.get_or_insert_with(|| (path.to_owned(), line));
        self
    }
}

impl fmt::Display for DeserializeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.what)
    }
}

impl std::error::Error for DeserializeError {}

impl de::Error for DeserializeError {
    fn custom<T: fmt::Display>(words: T) -> Self {
        Self::without_location(ErrorKind::Unforeseen(words.to_string()))
    }

    fn unknown_field(name: &str, known: &'static [&'static str]) -> Self {
        Self::without_location(ErrorKind::Unknown(name.to_owned(), known))
    }

    fn unknown_variant(written: &str, known: &'static [&'static str]) -> Self {
        Self::without_location(ErrorKind::Choice(written.to_owned(), known))
    }

    fn missing_field(name: &'static str) -> Self {
        Self::without_location(ErrorKind::Missing(name))
    }
}

/// A node, and where it is.
#[derive(Debug)]
pub(super) struct NodeDeserializer<'a> {
    node: &'a Node,
    source: &'a Source,
    path: String,
    line: u64,
}

impl<'a> NodeDeserializer<'a> {
    /// A whole document.
    pub(super) fn document(node: &'a Node, source: &'a Source) -> Self {
        Self { node, source, path: String::new(), line: node.line }
    }

    fn error(&self, what: ErrorKind) -> DeserializeError {
        DeserializeError::without_location(what).with_location(&self.path, self.line)
    }

    /// The value is not what it must be.
    fn type_error(&self, must: &str) -> DeserializeError {
        match &self.node.value {
            Value::Nothing => self.error(ErrorKind::Nothing),
            value => self.error(ErrorKind::Kind(value.kind().to_owned(), must.to_owned())),
        }
    }

    fn text(&self) -> Result<&'a str, DeserializeError> {
        match &self.node.value {
            // A block (`>`) ends with a line break that nobody means.
            Value::Text(text) => Ok(text.trim()),
            Value::List(_) | Value::Mapping(_) => Err(self.type_error("be text")),
            _ => Err(self.type_error(&match self.node.source_text(&self.source.text) {
                Some(written) => format!("be text: write \"{written}\", in quotes"),
                None => "be text: put it in quotes".to_owned(),
            })),
        }
    }
}

impl<'de> Deserializer<'de> for NodeDeserializer<'de> {
    type Error = DeserializeError;

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DeserializeError> {
        let text = self.text()?;
        visitor.visit_borrowed_str(text).map_err(|wrong: DeserializeError| wrong.with_location(&self.path, self.line))
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DeserializeError> {
        self.deserialize_str(visitor)
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DeserializeError> {
        match &self.node.value {
            Value::Bool(yes) => visitor.visit_bool(*yes),
            _ => Err(self.type_error("be true or false, without quotes")),
        }
    }

    fn deserialize_u32<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DeserializeError> {
        match &self.node.value {
            Value::Whole(number) => match u32::try_from(*number) {
                Ok(number) => visitor.visit_u32(number),
                Err(_) => {
                    let must = format!("be a whole number from 0 to {}", u32::MAX);
                    Err(self.error(ErrorKind::Kind(number.to_string(), must)))
                }
            },
            _ => Err(self.type_error("be a whole number, without quotes")),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DeserializeError> {
        visitor.visit_some(self)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DeserializeError> {
        let Value::List(items) = &self.node.value else {
            return Err(self.type_error("be a list: one `- ` line for each"));
        };
        visitor.visit_seq(Items { items: items.iter().enumerate(), of: &self })
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DeserializeError> {
        let Value::Mapping(fields) = &self.node.value else {
            return Err(self.type_error("hold `name: value` lines"));
        };
        let entries = Entries { fields: fields.iter(), field: None, of: &self };
        visitor.visit_map(entries).map_err(|wrong| wrong.with_location(&self.path, self.line))
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, DeserializeError> {
        self.deserialize_map(visitor)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, DeserializeError> {
        let text = BorrowedStrDeserializer::<DeserializeError>::new(self.text()?);
        visitor.visit_enum(text).map_err(|wrong| wrong.with_location(&self.path, self.line))
    }

    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, DeserializeError> {
        Err(self.error(ErrorKind::Unforeseen("a type of `file` that is read from nothing".to_owned())))
    }

    serde::forward_to_deserialize_any! {
        i8 i16 i32 i64 i128 u8 u16 u64 u128 f32 f64 char bytes byte_buf unit unit_struct newtype_struct tuple
        tuple_struct identifier ignored_any
    }
}

struct Items<'a, 'de> {
    items: std::iter::Enumerate<std::slice::Iter<'de, Node>>,
    of: &'a NodeDeserializer<'de>,
}

impl<'de> SeqAccess<'de> for Items<'_, 'de> {
    type Error = DeserializeError;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, DeserializeError> {
        let Some((index, node)) = self.items.next() else { return Ok(None) };
        let path = item(&self.of.path, index);
        seed.deserialize(NodeDeserializer { node, source: self.of.source, path, line: node.line }).map(Some)
    }
}

struct Entries<'a, 'de> {
    fields: std::slice::Iter<'de, Field>,
    field: Option<&'de Field>,
    of: &'a NodeDeserializer<'de>,
}

impl<'de> MapAccess<'de> for Entries<'_, 'de> {
    type Error = DeserializeError;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, DeserializeError> {
        self.field = self.fields.next();
        let Some(field) = self.field else { return Ok(None) };
        let name = BorrowedStrDeserializer::<DeserializeError>::new(&field.name);
        seed.deserialize(name).map(Some).map_err(|wrong| wrong.with_location(&self.of.path, field.line))
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, DeserializeError> {
        let Some(Field { name, line, node }) = self.field else {
            return Err(self.of.error(ErrorKind::Unforeseen("a value without a name".to_owned())));
        };
        let path = under(&self.of.path, name);
        seed.deserialize(NodeDeserializer { node, source: self.of.source, path, line: *line })
    }
}
