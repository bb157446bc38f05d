//! What a command came to, as the Command Execution API tells it.

use super::SqlTable;
use serde_json::{Value, json};

/// Of an interpreter's word and what the command printed. The word is the sandbox's: nothing in it is
/// believed to be more than text.
pub fn of_python(said: &Value, printed: String) -> Value {
    let truncated = said["truncated"].as_bool().unwrap_or(false);
    if let Some(error) = said["error"].as_object() {
        let text = |name: &str| error.get(name).and_then(Value::as_str).unwrap_or_default();
        let mut cause = printed;
        if !cause.is_empty() && !cause.ends_with('\n') {
            cause.push('\n');
        }
        cause.push_str(text("traceback"));
        return json!({
            "resultType": "error", "summary": summary(text("name"), text("message")), "cause": cause,
            "truncated": truncated,
        });
    }
    let table = &said["table"];
    if let (Some(schema), Some(data)) = (table["schema"].as_array(), table["data"].as_array()) {
        let truncated = table["truncated"].as_bool().unwrap_or(false);
        return json!({
            "resultType": "table", "data": data, "schema": schema, "truncated": truncated,
            "isJsonSchema": false,
        });
    }
    let images = said["images"].as_array().map(Vec::as_slice).unwrap_or_default();
    let images: Vec<String> = images
        .iter()
        .filter_map(Value::as_str)
        .map(|image| format!("data:image/png;base64,{image}"))
        .collect();
    let text = text_of(printed, said["text"].as_str());
    match images.as_slice() {
        [] => json!({ "resultType": "text", "data": text, "truncated": truncated }),
        [one] => {
            json!({ "resultType": "image", "fileName": one, "data": text, "truncated": truncated })
        }
        all => {
            json!({ "resultType": "images", "fileNames": all, "data": text, "truncated": truncated })
        }
    }
}

fn text_of(mut printed: String, value: Option<&str>) -> String {
    match value {
        None => printed,
        Some(value) if printed.is_empty() => value.to_owned(),
        Some(value) => {
            if !printed.ends_with('\n') {
                printed.push('\n');
            }
            printed + value
        }
    }
}

pub fn of_sql(table: &SqlTable) -> Value {
    let column = |(name, kind): &(String, String)| json!({ "name": name, "type": kind });
    let schema: Vec<Value> = table.columns.iter().map(column).collect();
    json!({
        "resultType": "table", "data": table.rows, "schema": schema, "truncated": table.truncated,
        "isJsonSchema": false,
    })
}

pub fn failure(name: &str, message: &str, printed: &str) -> Value {
    let cause = format!("{printed}{name}: {message}");
    json!({ "resultType": "error", "summary": summary(name, message), "cause": cause })
}

/// HTML, as clients expect it.
fn summary(name: &str, message: &str) -> String {
    format!("<span class=\"ansi-red-fg\">{}</span>: {}", escape(name), escape(message))
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_have_the_shapes_of_the_api() {
        let text = of_python(&json!({ "text": "2" }), "hello\n".into());
        assert_eq!(text["data"], "hello\n2");
        let error = json!({ "error": { "name": "E", "message": "<b>", "traceback": "E: <b>" } });
        let error = of_python(&error, "before".into());
        assert_eq!(error["summary"], "<span class=\"ansi-red-fg\">E</span>: &lt;b&gt;");
        assert_eq!(error["cause"], "before\nE: <b>");
        let image = of_python(&json!({ "images": ["aa"] }), String::new());
        assert_eq!(image["fileName"], "data:image/png;base64,aa");
        let images = of_python(&json!({ "images": ["aa", "bb"] }), String::new());
        assert_eq!(images["resultType"], "images");
        // A sandbox may say anything.
        for odd in
            [json!(null), json!([1]), json!({ "error": 1, "table": 2, "images": {}, "text": [] })]
        {
            assert_eq!(of_python(&odd, String::new())["resultType"], "text");
        }
    }
}
