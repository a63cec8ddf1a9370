//! The JSON Schema of a ClusterConfig for `create`, for editors. Made from the types in `file`; the committed copy is
//! `plugin/schema/cluster-config.json`, and a test fails when that is stale.

use schemars::Schema;
use schemars::generate::SchemaSettings;
use schemars::transform::RecursiveTransform;
use serde_json::Value;

use super::field_path::under;
use super::file::ClusterConfig;

/// The schema. Draft 7, because that is what editors' YAML modes know.
pub(crate) fn schema() -> Value {
    let settings = SchemaSettings::draft07().with_transform(RecursiveTransform(tidy));
    let schema = settings.into_generator().into_root_schema_for::<ClusterConfig>();
    // Written by serde, a schema has its title before its properties.
    serde_json::to_value(&schema).unwrap_or_else(|_| schema.to_value())
}

/// What the types mean and derive can't know.
fn tidy(schema: &mut Schema) {
    without_null(schema);
    // A line break within a doc comment is one of the source's, not of the text's.
    if let Some(Value::String(text)) = schema.get_mut("description") {
        *text = text.replace("\n\n", "\0").replace('\n', " ").replace('\0', "\n\n");
    }
}

/// `null` is no value to us: a field without one is left out.
fn without_null(schema: &mut Schema) {
    if let Some(Value::Array(kinds)) = schema.get_mut("type") {
        kinds.retain(|kind| kind != "null");
        if let [only] = &kinds[..] {
            let only = only.clone();
            schema.insert("type".into(), only);
        }
    }
    if let Some(Value::Array(values)) = schema.get_mut("enum") {
        values.retain(|value| !value.is_null());
    }
    if let Some(Value::Array(mut choices)) = schema.remove("anyOf") {
        choices.retain(|choice| choice.get("type").is_none_or(|kind| kind != "null"));
        // Draft 7 reads nothing beside a `$ref`.
        match &choices[..] {
            [Value::Object(only)]
                if schema.as_object().is_none_or(|own| own.is_empty()) || !only.contains_key("$ref") =>
            {
                only.iter().for_each(|(name, value)| _ = schema.insert(name.clone(), value.clone()));
            }
            _ => _ = schema.insert("anyOf".into(), choices.into()),
        }
    }
}

/// In which places a field of this name is known: ``, `metadata`, `managedNodeGroups[]`.
pub(super) fn places_of(name: &str) -> Vec<String> {
    let all = fields();
    all.into_iter().filter(|(_, field)| field == name).map(|(place, _)| place).collect()
}

/// All fields: the place, and the name in it.
pub(super) fn fields() -> Vec<(String, String)> {
    let root = schema();
    let mut all = Vec::new();
    walk(&root, &root, "", &mut all);
    all
}

fn walk(root: &Value, schema: &Value, place: &str, all: &mut Vec<(String, String)>) {
    let target = schema.get("$ref").and_then(Value::as_str).and_then(|path| root.pointer(path.strip_prefix('#')?));
    let several = ["allOf", "anyOf"].iter().filter_map(|of| schema.get(of)?.as_array()).flatten();
    for same in target.into_iter().chain(several) {
        walk(root, same, place, all);
    }
    if let Some(items) = schema.get("items") {
        walk(root, items, &format!("{place}[]"), all);
    }
    for (name, inside) in schema.get("properties").and_then(Value::as_object).into_iter().flatten() {
        all.push((place.to_owned(), name.clone()));
        walk(root, inside, &under(place, name), all);
    }
}

#[cfg(test)]
#[path = "schema_tests.rs"]
mod tests;
