//! Parameters of a statement: from the shapes clients send to those the engine binds.

use super::idl::*;
use biplane_proto::v1::Parameter;

/// Names make a parameter a named one. Ordinals mean nothing: the Python connector sends 1 for every
/// positional parameter, the Node driver none; the order of the list counts.
pub fn parameters(sent: Vec<TSparkParameter>) -> Vec<Parameter> {
    sent.into_iter().map(parameter).collect()
}

fn parameter(sent: TSparkParameter) -> Parameter {
    let value = sent.value.and_then(|value| {
        let number = value.double_value.map(|number| number.to_string());
        let boolean = value.boolean_value.map(|boolean| boolean.to_string());
        value.string_value.or(number).or(boolean)
    });
    let arguments = sent.arguments.unwrap_or_default();
    bound(sent.name.unwrap_or_default(), sent.r#type, value, arguments)
}

fn bound(
    name: String,
    found: Option<String>,
    value: Option<String>,
    arguments: Vec<TSparkParameterValueArg>,
) -> Parameter {
    // A null comes as VOID, with or without some text, or with neither type nor value.
    let r#type =
        found.unwrap_or_else(|| if value.is_some() { "STRING" } else { "VOID" }.to_owned());
    let value = value.filter(|_| !r#type.eq_ignore_ascii_case("VOID"));
    let element = |argument: TSparkParameterValueArg| {
        let arguments = argument.arguments.unwrap_or_default();
        bound(String::new(), argument.r#type, argument.value, arguments)
    };
    Parameter { name, r#type, value, arguments: arguments.into_iter().map(element).collect() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(value: &str) -> Option<TSparkParameterValue> {
        Some(TSparkParameterValue { string_value: Some(value.into()), ..Default::default() })
    }

    #[test]
    fn order_counts_and_ordinals_do_not() {
        let one = |value| TSparkParameter {
            ordinal: Some(1),
            r#type: Some("INT".into()),
            value: text(value),
            ..Default::default()
        };
        let bound = parameters(vec![one("7"), one("8")]);
        let values: Vec<_> = bound.iter().map(|p| (p.name.as_str(), p.value.as_deref())).collect();
        assert_eq!(values, [("", Some("7")), ("", Some("8"))]);
    }

    #[test]
    fn nulls_come_in_three_ways() {
        let void = |value| TSparkParameter {
            name: Some("p".into()),
            r#type: Some("VOID".into()),
            value,
            ..Default::default()
        };
        let bare = TSparkParameter { name: Some("p".into()), ..Default::default() };
        for parameter in parameters(vec![void(text("None")), void(None), bare]) {
            assert_eq!((parameter.r#type.as_str(), parameter.value), ("VOID", None));
        }
    }

    #[test]
    fn numbers_and_elements_become_texts() {
        let element = |kind: &str, value: &str| TSparkParameterValueArg {
            r#type: Some(kind.into()),
            value: Some(value.into()),
            arguments: None,
        };
        let bound = parameters(vec![
            TSparkParameter {
                r#type: Some("DOUBLE".into()),
                value: Some(TSparkParameterValue { double_value: Some(0.5), ..Default::default() }),
                ..Default::default()
            },
            TSparkParameter {
                r#type: Some("MAP".into()),
                arguments: Some(vec![element("STRING", "k"), element("INT", "1")]),
                ..Default::default()
            },
        ]);
        assert_eq!(bound[0].value.as_deref(), Some("0.5"));
        assert_eq!(bound[1].arguments[1].value.as_deref(), Some("1"));
        assert_eq!(bound[1].arguments[1].r#type, "INT");
    }
}
