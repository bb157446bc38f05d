//! The codec, against itself and against garbage.

use super::super::idl::*;
use super::reader::Limits;
use super::*;
use bytes::Bytes;
use proptest::prelude::*;
use std::collections::BTreeMap;

fn joined(parts: Vec<Bytes>) -> Bytes {
    parts.concat().into()
}

fn encode<T: Wire>(value: &T) -> Bytes {
    let mut writer = Writer::default();
    value.write(&mut writer);
    joined(writer.finish())
}

fn decode<T: Wire>(data: Bytes) -> Result<T> {
    let mut reader = Reader::new(data, Limits::REQUEST);
    let value = T::read(&mut reader)?;
    reader.end()?;
    Ok(value)
}

fn call(method: &str, argument: &impl Wire, strict: bool) -> Bytes {
    let mut writer = Writer::default();
    if strict {
        writer.i32(0x8001_0001_u32 as i32);
        writer.string(method);
    } else {
        writer.string(method);
        writer.byte(1);
    }
    writer.i32(7);
    writer.field(kind::STRUCT, 1);
    argument.write(&mut writer);
    writer.stop();
    joined(writer.finish())
}

fn handle() -> TSessionHandle {
    let bytes = Bytes::from_static(b"0123456789abcdef");
    TSessionHandle {
        session_id: THandleIdentifier { guid: bytes.clone(), secret: bytes },
        server_protocol_version: Some(42248),
    }
}

fn execute() -> TExecuteStatementReq {
    let argument = TSparkParameterValueArg {
        r#type: Some("INT".into()),
        value: Some("1".into()),
        arguments: None,
    };
    TExecuteStatementReq {
        session_handle: handle(),
        statement: "SELECT 'ä', ?".into(),
        conf_overlay: Some(BTreeMap::from([("a".into(), "b".into()), ("".into(), "".into())])),
        run_async: Some(true),
        query_timeout: Some(-1),
        get_direct_results: Some(TSparkGetDirectResults { max_rows: 5, max_bytes: None }),
        parameters: Some(vec![TSparkParameter {
            ordinal: Some(1),
            r#type: Some("ARRAY<INT>".into()),
            value: Some(TSparkParameterValue { double_value: Some(0.5), ..Default::default() }),
            arguments: Some(vec![argument.clone(), argument]),
            ..Default::default()
        }]),
        ..Default::default()
    }
}

#[test]
fn calls_are_read_with_and_without_a_version() {
    for strict in [true, false] {
        let read = Call::read(call("ExecuteStatement", &execute(), strict)).unwrap();
        assert_eq!((read.method.as_str(), read.sequence), ("ExecuteStatement", 7));
        assert_eq!(read.argument::<TExecuteStatementReq>().unwrap(), execute());
    }
}

#[test]
fn replies_repeat_the_envelope_of_the_call() {
    for strict in [true, false] {
        let envelope = Call::read(call("CloseSession", &handle(), strict)).unwrap().envelope();
        let bytes = joined(reply(&envelope, &TStatusResp::default()));
        let version = &[0x80, 1, 0, 2][..];
        assert_eq!(bytes.starts_with(version), strict);
        assert!(bytes.windows(12).any(|window| window == b"CloseSession"));
    }
}

#[test]
fn large_binary_values_are_passed_on_without_a_copy() {
    let batch = Bytes::from(vec![7u8; 1 << 20]);
    let rows = TRowSet {
        arrow_batches: Some(vec![TSparkArrowBatch { batch: batch.clone(), row_count: 3 }]),
        ..Default::default()
    };
    let mut writer = Writer::default();
    rows.write(&mut writer);
    let parts = writer.finish();
    assert!(parts.iter().any(|part| part.as_ptr() == batch.as_ptr()));
    assert_eq!(decode::<TRowSet>(joined(parts)).unwrap(), rows);
}

#[test]
fn every_truncation_of_a_call_is_an_error() {
    let whole = call("ExecuteStatement", &execute(), true);
    for end in 0..whole.len() {
        let part = whole.slice(..end);
        assert!(
            Call::read(part).and_then(Call::argument::<TExecuteStatementReq>).is_err(),
            "{end}"
        );
    }
    let longer = [&whole[..], b"x"].concat();
    let error = Call::read(longer.into()).unwrap().argument::<TExecuteStatementReq>();
    assert_eq!(error.unwrap_err(), DecodeError::Trailing);
}

#[test]
fn claims_of_size_are_checked_before_anything_is_allocated() {
    let list = |size: i32| {
        let mut writer = Writer::default();
        writer.field(kind::LIST, 2);
        writer.byte(kind::STRING);
        writer.i32(size);
        writer.stop();
        joined(writer.finish())
    };
    assert_eq!(decode::<TStatus>(list(99_999)).unwrap_err(), DecodeError::Truncated);
    assert_eq!(
        decode::<TStatus>(list(i32::MAX)).unwrap_err(),
        DecodeError::TooManyElements(100_000)
    );
    assert_eq!(decode::<TStatus>(list(-1)).unwrap_err(), DecodeError::NegativeLength);
}

#[test]
fn many_small_elements_are_refused() {
    let mut writer = Writer::default();
    writer.field(kind::LIST, 1288);
    writer.byte(kind::STRUCT);
    writer.i32(1_000_000);
    let data = [joined(writer.finish()).to_vec(), vec![0; 1_000_001]].concat();
    let error = decode::<TExecuteStatementReq>(data.into()).unwrap_err();
    assert_eq!(error, DecodeError::TooManyElements(100_000));
}

#[test]
fn deep_nesting_is_refused_in_known_and_unknown_fields() {
    let deep = |id: i16| -> Bytes {
        let mut data = Vec::new();
        for _ in 0..100_000 {
            data.push(kind::STRUCT);
            data.extend(id.to_be_bytes());
        }
        data.into()
    };
    assert_eq!(decode::<TStatus>(deep(99)).unwrap_err(), DecodeError::TooDeep(32));
    let mut argument = TSparkParameterValueArg::default();
    for _ in 0..40 {
        argument =
            TSparkParameterValueArg { arguments: Some(vec![argument]), ..Default::default() };
    }
    let error = decode::<TSparkParameterValueArg>(encode(&argument)).unwrap_err();
    assert_eq!(error, DecodeError::TooDeep(32));
}

#[test]
fn unknown_fields_and_fields_of_another_type_are_skipped() {
    let mut writer = Writer::default();
    writer.field(kind::I32, 1);
    writer.i32(3);
    writer.field(kind::DOUBLE, 5);
    writer.double(1.0);
    writer.field(kind::MAP, 77);
    writer.byte(kind::I64);
    writer.byte(kind::SET);
    writer.i32(1);
    writer.i64(1);
    writer.byte(kind::BOOL);
    writer.i32(2);
    writer.byte(1);
    writer.byte(0);
    writer.stop();
    let status: TStatus = decode(joined(writer.finish())).unwrap();
    assert_eq!(status, TStatus { status_code: TStatusCode::ERROR, ..Default::default() });
}

fn garbage() -> impl Strategy<Value = Vec<u8>> {
    proptest::collection::vec(any::<u8>(), 0..512)
}

/// A call with some bytes changed: gets further than noise does.
fn damaged() -> impl Strategy<Value = Vec<u8>> {
    let whole = call("ExecuteStatement", &execute(), true).to_vec();
    let length = whole.len();
    proptest::collection::vec((0..length, any::<u8>()), 0..6).prop_map(move |changes| {
        let mut data = whole.clone();
        for (index, byte) in changes {
            data[index] = byte;
        }
        data
    })
}

proptest! {
    #[test]
    fn noise_never_panics(data in garbage()) {
        let data = Bytes::from(data);
        let _ = Call::read(data.clone()).and_then(Call::argument::<TExecuteStatementReq>);
        let _ = decode::<TOpenSessionReq>(data.clone());
        let _ = decode::<TFetchResultsResp>(data.clone());
        let mut reader = Reader::new(data, Limits::REQUEST);
        let _ = reader.skip(kind::STRUCT);
    }

    #[test]
    fn what_is_read_from_damaged_calls_is_written_back_the_same(data in damaged()) {
        if let Ok(request) = Call::read(data.into()).and_then(Call::argument::<TExecuteStatementReq>) {
            let again = encode(&request);
            prop_assert_eq!(encode(&decode::<TExecuteStatementReq>(again.clone()).unwrap()), again);
        }
    }

    #[test]
    fn columns_round_trip(
        ints in proptest::collection::vec(any::<i64>(), 0..50),
        texts in proptest::collection::vec(".*", 0..20),
        doubles in proptest::collection::vec(any::<f64>().prop_filter("equal to itself", |n| !n.is_nan()), 0..20),
        nulls in garbage(),
    ) {
        let nulls = Bytes::from(nulls);
        let rows = TRowSet {
            columns: Some(vec![
                TColumn { i64_val: Some(TI64Column { values: ints, nulls: nulls.clone() }), ..Default::default() },
                TColumn { string_val: Some(TStringColumn { values: texts, nulls: nulls.clone() }), ..Default::default() },
                TColumn { double_val: Some(TDoubleColumn { values: doubles, nulls }), ..Default::default() },
            ]),
            ..Default::default()
        };
        prop_assert_eq!(decode::<TRowSet>(encode(&rows)).unwrap(), rows);
    }
}
