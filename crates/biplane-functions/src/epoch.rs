//! Points in time as numbers since 1970.

use arrow::array::AsArray;
use arrow::datatypes::{
    DataType, Date32Type, Decimal128Type, Int64Type, TimeUnit, TimestampMicrosecondType,
};
use datafusion::common::Result;

use crate::frame::{Call, Def};
use crate::raised::{mismatch, overflow};

pub fn instant() -> DataType {
    DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()))
}

pub const FUNCTIONS: &[Def] = &[
    Def {
        name: "timestamp_seconds",
        least: 1,
        most: 1,
        takes: |types| match &types[0] {
            whole if whole.is_integer() || whole.is_null() => Ok(vec![DataType::Int64]),
            DataType::Decimal128(..) => Ok(vec![DataType::Decimal128(38, 6)]),
            DataType::Float32 | DataType::Float64 => Ok(vec![DataType::Float64]),
            other => mismatch(format!("timestamp_seconds takes a number, not {other}.")),
        },
        gives: |_| Ok(instant()),
        run: seconds,
    },
    Def {
        name: "timestamp_millis",
        least: 1,
        most: 1,
        takes: whole,
        gives: |_| Ok(instant()),
        run: |call| {
            call.primitives::<TimestampMicrosecondType>(|row| {
                let value = call.long(0, row).checked_mul(1000);
                value.map(Some).ok_or_else(|| overflow("timestamp_millis"))
            })
        },
    },
    Def {
        name: "timestamp_micros",
        least: 1,
        most: 1,
        takes: whole,
        gives: |_| Ok(instant()),
        run: |call| call.primitives::<TimestampMicrosecondType>(|row| Ok(Some(call.long(0, row)))),
    },
    Def {
        name: "date_from_unix_date",
        least: 1,
        most: 1,
        takes: |types| match &types[0] {
            DataType::Int8
            | DataType::Int16
            | DataType::Int32
            | DataType::Int64
            | DataType::Null => Ok(vec![DataType::Int32]),
            other => mismatch(format!("date_from_unix_date takes an INT, not {other}.")),
        },
        gives: |_| Ok(DataType::Date32),
        run: |call| call.primitives::<Date32Type>(|row| Ok(Some(call.int(0, row)))),
    },
];

fn whole(types: &[DataType]) -> Result<Vec<DataType>> {
    match &types[0] {
        given if given.is_integer() || given.is_null() => Ok(vec![DataType::Int64]),
        other => mismatch(format!("A whole number is needed, not {other}.")),
    }
}

fn seconds(call: &Call<'_>) -> Result<arrow::array::ArrayRef> {
    let lost = || overflow("timestamp_seconds");
    call.primitives::<TimestampMicrosecondType>(|row| {
        let array = &call.args[0];
        Ok(Some(match array.data_type() {
            DataType::Decimal128(..) => {
                let micros = array.as_primitive::<Decimal128Type>().value(row);
                i64::try_from(micros).map_err(|_| lost())?
            }
            DataType::Float64 => {
                let seconds = call.double(0, row);
                if seconds.is_nan() || seconds.is_infinite() {
                    return Ok(None);
                }
                let micros = seconds * 1e6;
                if micros.abs() >= 9.2e18 {
                    return Err(lost());
                }
                #[expect(clippy::cast_possible_truncation, reason = "checked above")]
                let micros = micros as i64;
                micros
            }
            _ => {
                let value = array.as_primitive::<Int64Type>().value(row);
                value.checked_mul(1_000_000).ok_or_else(lost)?
            }
        }))
    })
}

#[cfg(test)]
mod tests {
    #[tokio::test]
    async fn answers() -> datafusion::common::Result<()> {
        crate::frame::testing::answers(&[
            ("timestamp_seconds(1230219000)", "2008-12-25T15:30:00Z"),
            ("timestamp_seconds(1230219000.123)", "2008-12-25T15:30:00.123Z"),
            ("timestamp_seconds(9223372036854775807)", "[DATETIME_OVERFLOW]"),
            ("timestamp_millis(1230219000123)", "2008-12-25T15:30:00.123Z"),
            ("timestamp_micros(NULL)", ""),
            ("date_from_unix_date(1)", "1970-01-02"),
            ("timestamp_millis('a')", "[DATATYPE_MISMATCH"),
        ])
        .await
    }
}
