//! Where a ClusterConfig's fields are, and where they only seem to be. Input: the tree of a file. Output: one field's text,
//! or the error that helps most: a near miss before a missing field, a misplaced one before a missing one.

use super::error::{Error, Location};
use super::suggest::FieldName;
use super::yaml::{Field, Node, Value};
use crate::ui::terminal::one_line;

/// What `apiVersion` must be.
const VERSION: &str = "eksctl.io/v1alpha5";

/// What `kind` must be.
const CLUSTER_CONFIG: &str = "ClusterConfig";

pub(super) const API_VERSION: FieldName = FieldName { name: "apiVersion", aliases: &[] };
pub(super) const KIND: FieldName = FieldName { name: "kind", aliases: &[] };

/// How many documents a message lists.
const MAX_LISTED: usize = 5;

/// A field that we read.
#[derive(Debug)]
pub(crate) struct FieldPath {
    /// The top-level field that it is under.
    pub(crate) section: FieldName,
    /// The field itself.
    pub(crate) field: FieldName,
    /// What it is for.
    pub(crate) what: &'static str,
    /// A value of the right form.
    pub(crate) example: &'static str,
}

impl FieldPath {
    /// `metadata.name`.
    pub(crate) fn path(&self) -> String {
        format!("{}.{}", self.section.name, self.field.name)
    }

    /// That it is there, without a value.
    pub(crate) fn no_value(&self, at: Location) -> Error {
        Error::NoValue { at, path: self.path(), what: self.what, example: self.example }
    }

    /// That it is not there.
    pub(crate) fn missing(&self, at: Location) -> Error {
        Error::Missing {
            at,
            section: self.section.name,
            field: self.field.name,
            what: self.what,
            example: self.example,
        }
    }
}

/// The fields of a ClusterConfig.
#[derive(Debug)]
pub(crate) struct Fields<'a> {
    file: &'a str,
    document: &'a Node,
    top: &'a [Field],
}

impl<'a> Fields<'a> {
    /// Those of a file's only document, if that is a ClusterConfig.
    pub(crate) fn new(file: &'a str, documents: &'a [Node]) -> Result<Self, Error> {
        let document = match documents {
            [] => return Err(Error::Empty { file: file.to_owned() }),
            [document] => document,
            several => {
                return Err(Error::Several {
                    file: file.to_owned(),
                    count: several.len(),
                    list: list_documents(several),
                });
            }
        };
        let Value::Mapping(top) = &document.value else {
            let at = Location { file: file.to_owned(), line: Some(document.line) };
            return Err(Error::OtherKind { at, is: format!("this is {}", document.value.kind()) });
        };
        let fields = Self { file, document, top };
        fields.check_names("", &[&API_VERSION, &KIND])?;
        fields.check_kind()?;
        Ok(fields)
    }

    /// All of them, as they are written.
    pub(crate) fn document(&self) -> &'a Node {
        self.document
    }

    fn check_kind(&self) -> Result<(), Error> {
        let [version, kind] = [API_VERSION.name, KIND.name]
            .map(|name| find(self.top, name).ok_or_else(|| Error::NoKind { file: self.file.to_owned(), name }));
        let (kind, version) = (kind?, version?);
        let [is_kind, is_version] = [kind, version].map(|field| field.value().text().unwrap_or(field.value().kind()));
        let wrong = match (is_kind, is_version) {
            (CLUSTER_CONFIG, VERSION) => return Ok(()),
            (CLUSTER_CONFIG, _) => version,
            _ => kind,
        };
        let is = one_line(&format!("kind is {is_kind} and apiVersion is {is_version}"));
        Err(Error::OtherKind { at: self.location(wrong), is })
    }

    /// Refuses names in a section (or at the top level, if it has no name) that only look like these.
    pub(super) fn check_names(&self, section: &str, names: &[&FieldName]) -> Result<(), Error> {
        let fields = if section.is_empty() { self.top } else { self.under(section) };
        let near =
            |field: &&Field| names.iter().find(|wanted| wanted.is_similar(&field.name)).map(|wanted| wanted.name);
        let Some((field, wanted)) = fields.iter().find_map(|field| Some((field, near(&field)?))) else { return Ok(()) };
        let path = |name: &str| if section.is_empty() { name.to_owned() } else { format!("{section}.{name}") };
        Err(Error::NearMiss { at: self.location(field), written: path(&one_line(&field.name)), wanted: path(wanted) })
    }

    /// A field's text, without blanks around it.
    pub(super) fn text(&self, place: &FieldPath) -> Result<String, Error> {
        self.check_names(place.section.name, &[&place.field])?;
        if let Some(section) = find(self.top, place.section.name)
            && !matches!(section.value(), Value::Mapping(_) | Value::Nothing)
        {
            return Err(Error::NotText {
                at: self.location(section),
                path: place.section.name.to_owned(),
                is: section.value().kind(),
                must: format!("hold\n    {}: {}", place.field.name, place.example),
            });
        }
        let Some(field) = find(self.under(place.section.name), place.field.name) else {
            return Err(self.missing(place));
        };
        match field.value() {
            Value::Text(text) if !text.trim().is_empty() => Ok(text.trim().to_owned()),
            Value::Text(_) | Value::Nothing => Err(place.no_value(self.location(field))),
            other => {
                let must = match other {
                    Value::Bool(_) | Value::Whole(_) | Value::Fraction | Value::Binary => {
                        "be text: put it in quotes".to_owned()
                    }
                    _ => format!("be text, such as {}", place.example),
                };
                Err(Error::NotText { at: self.location(field), path: place.path(), is: other.kind(), must })
            }
        }
    }

    /// Why a field is not where it belongs: people lose an indentation more easily than a line.
    fn missing(&self, place: &FieldPath) -> Error {
        let (section, field) = (&place.section, &place.field);
        let same = |wanted: &FieldName, found: &&Field| found.name == wanted.name || wanted.is_similar(&found.name);
        let misplaced = |found: &Field, place: String, belongs: String| Error::Misplaced {
            at: self.location(found),
            name: one_line(&found.name),
            place,
            belongs,
        };
        if let Some(found) = self.top.iter().find(|found| same(field, found)) {
            return misplaced(found, "at the top level".into(), format!("under `{}`, indented", section.name));
        }
        for other in self.top.iter().filter(|other| other.name != section.name) {
            let inside = other.value().fields();
            if let Some(found) = inside.iter().find(|found| found.name == section.name) {
                return misplaced(found, format!("under `{}`", other.name), "at the top level, not indented".into());
            }
        }
        place.missing(Location {
            file: self.file.to_owned(),
            line: find(self.top, section.name).map(|section| section.line),
        })
    }

    fn under(&self, section: &str) -> &'a [Field] {
        find(self.top, section).map_or(&[], |section| section.value().fields())
    }

    fn location(&self, field: &Field) -> Location {
        Location { file: self.file.to_owned(), line: Some(field.line) }
    }
}

fn find<'a>(fields: &'a [Field], name: &str) -> Option<&'a Field> {
    fields.iter().find(|field| field.name == name)
}

/// Documents, a line each.
fn list_documents(documents: &[Node]) -> String {
    let line = |document: &Node| {
        let text = |fields: &[Field], name| Some(find(fields, name)?.value().text()?.to_owned());
        let fields = document.value.fields();
        let kind = text(fields, KIND.name).unwrap_or_else(|| document.value.kind().to_owned());
        let name = find(fields, "metadata").and_then(|metadata| text(metadata.value().fields(), "name"));
        format!("\n  line {}: {}", document.line, one_line(&format!("{kind} {}", name.unwrap_or_default())).trim_end())
    };
    let mut list: String = documents.iter().take(MAX_LISTED).map(line).collect();
    if documents.len() > MAX_LISTED {
        list.push_str("\n  ...");
    }
    list
}
