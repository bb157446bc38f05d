//! AES in Spark's modes, and HMAC.

use arrow::array::{ArrayRef, AsArray};
use arrow::datatypes::DataType;
use aws_lc_rs::cipher::{
    AES_128, AES_192, AES_256, DecryptionContext, EncryptionContext, PaddedBlockDecryptingKey,
    PaddedBlockEncryptingKey, UnboundCipherKey,
};
use aws_lc_rs::{aead, hmac, iv::FixedLength, rand};
use datafusion::common::Result;

use crate::frame::{Call, Def};
use crate::raised::fail;

fn bytes_and_text(types: &[DataType]) -> Result<Vec<DataType>> {
    // Data, key, mode, padding, IV or AAD, AAD: text is its bytes.
    Ok((0..types.len())
        .map(|at| if matches!(at, 2 | 3) { DataType::Utf8 } else { DataType::Binary })
        .collect())
}

pub const FUNCTIONS: &[Def] = &[
    Def {
        name: "aes_encrypt",
        least: 2,
        most: 6,
        takes: bytes_and_text,
        gives: |_| Ok(DataType::Binary),
        run: |call| call.binaries(|row| encrypt(call, row).map(Some)),
    },
    Def {
        name: "aes_decrypt",
        least: 2,
        most: 5,
        takes: bytes_and_text,
        gives: |_| Ok(DataType::Binary),
        run: |call| call.binaries(|row| decrypt(call, row).map(Some)),
    },
    Def {
        name: "try_aes_decrypt",
        least: 2,
        most: 5,
        takes: bytes_and_text,
        gives: |_| Ok(DataType::Binary),
        run: |call| call.binaries(|row| Ok(decrypt(call, row).ok())),
    },
    Def {
        name: "hmac",
        least: 2,
        most: 3,
        takes: bytes_and_text,
        gives: |_| Ok(DataType::Binary),
        run: authenticate,
    },
];

fn bytes<'c>(call: &'c Call<'_>, arg: usize, row: usize) -> &'c [u8] {
    call.args.get(arg).map_or(&[], |array| array.as_binary::<i32>().value(row))
}

#[derive(Clone, Copy, PartialEq)]
enum Mode {
    Gcm,
    Cbc,
    Ecb,
}

fn mode(call: &Call<'_>, row: usize) -> Result<Mode> {
    let name = if call.args.len() > 2 { call.text(2, row).to_uppercase() } else { "GCM".into() };
    let padding =
        if call.args.len() > 3 { call.text(3, row).to_uppercase() } else { "DEFAULT".into() };
    match (name.as_str(), padding.as_str()) {
        ("GCM", "DEFAULT" | "NONE") => Ok(Mode::Gcm),
        ("CBC", "DEFAULT" | "PKCS") => Ok(Mode::Cbc),
        ("ECB", "DEFAULT" | "PKCS") => Ok(Mode::Ecb),
        _ => fail(
            "UNSUPPORTED_FEATURE.AES_MODE",
            "0A000",
            format!("AES-{name} with the padding {padding} is not supported."),
        ),
    }
}

const IV_BYTES: usize = 16;

fn failed<T>(what: &str) -> Result<T> {
    let text =
        format!("The value of parameter(s) `expr`, `key` is invalid: detail message: {what}.");
    fail("INVALID_PARAMETER_VALUE.AES_CRYPTO_ERROR", "22023", text)
}

fn sealed_key(key: &[u8]) -> Result<aead::LessSafeKey> {
    let algorithm = match key.len() {
        16 => &aead::AES_128_GCM,
        24 => &aead::AES_192_GCM,
        32 => &aead::AES_256_GCM,
        other => return wrong_key(other),
    };
    match aead::UnboundKey::new(algorithm, key) {
        Ok(key) => Ok(aead::LessSafeKey::new(key)),
        Err(_) => failed("the key is not valid"),
    }
}

fn wrong_key<T>(length: usize) -> Result<T> {
    let text = format!(
        "The value of parameter(s) `key` is invalid: expects a binary value with 16, 24 or 32 bytes, but got \
         {length} bytes."
    );
    fail("INVALID_PARAMETER_VALUE.AES_KEY_LENGTH", "22023", text)
}

fn block_key(key: &[u8]) -> Result<UnboundCipherKey> {
    let algorithm = match key.len() {
        16 => &AES_128,
        24 => &AES_192,
        32 => &AES_256,
        other => return wrong_key(other),
    };
    UnboundCipherKey::new(algorithm, key).or_else(|_| failed("the key is not valid"))
}

/// The one that is given, or one by chance.
fn start(mode: Mode, given: &[u8]) -> Result<Vec<u8>> {
    let wanted = if mode == Mode::Gcm { aead::NONCE_LEN } else { IV_BYTES };
    if given.is_empty() {
        let mut fresh = vec![0; wanted];
        return match rand::fill(&mut fresh) {
            Ok(()) => Ok(fresh),
            Err(_) => failed("there is no randomness"),
        };
    }
    if given.len() != wanted {
        let text = format!(
            "The value of parameter(s) `iv` is invalid: supports {IV_BYTES}-byte CBC IVs and {}-byte GCM IVs, but \
             got {} bytes.",
            aead::NONCE_LEN,
            given.len()
        );
        return fail("INVALID_PARAMETER_VALUE.AES_IV_LENGTH", "22023", text);
    }
    Ok(given.to_vec())
}

fn encrypt(call: &Call<'_>, row: usize) -> Result<Vec<u8>> {
    let (data, key) = (bytes(call, 0, row), bytes(call, 1, row));
    let (given, aad) = (bytes(call, 4, row), bytes(call, 5, row));
    let mode = mode(call, row)?;
    if mode == Mode::Ecb && !given.is_empty() {
        return fail("UNSUPPORTED_FEATURE.AES_MODE_IV", "0A000", "AES-ECB takes no IV.");
    }
    if mode != Mode::Gcm && !aad.is_empty() {
        return fail("UNSUPPORTED_FEATURE.AES_MODE_AAD", "0A000", "This mode takes no AAD.");
    }
    if mode == Mode::Gcm {
        let key = sealed_key(key)?;
        let mut out = start(mode, given)?;
        let Ok(nonce) = aead::Nonce::try_assume_unique_for_key(&out) else {
            return failed("the IV is not valid");
        };
        let mut sealed = data.to_vec();
        if key.seal_in_place_append_tag(nonce, aead::Aad::from(aad), &mut sealed).is_err() {
            return failed("encryption failed");
        }
        out.extend(sealed);
        return Ok(out);
    }
    let key = block_key(key)?;
    let mut sealed = data.to_vec();
    let (key, context, mut out) = if mode == Mode::Ecb {
        (PaddedBlockEncryptingKey::ecb_pkcs7(key), EncryptionContext::None, Vec::new())
    } else {
        let iv = start(mode, given)?;
        let Ok(fixed) = FixedLength::try_from(iv.as_slice()) else {
            return failed("the IV is not valid");
        };
        (PaddedBlockEncryptingKey::cbc_pkcs7(key), EncryptionContext::Iv128(fixed), iv)
    };
    match key.and_then(|key| key.less_safe_encrypt(&mut sealed, context)) {
        Ok(_) => {
            out.extend(sealed);
            Ok(out)
        }
        Err(_) => failed("encryption failed"),
    }
}

fn decrypt(call: &Call<'_>, row: usize) -> Result<Vec<u8>> {
    let (data, key, aad) = (bytes(call, 0, row), bytes(call, 1, row), bytes(call, 4, row));
    let mode = mode(call, row)?;
    let head = match mode {
        Mode::Gcm => aead::NONCE_LEN,
        Mode::Cbc => IV_BYTES,
        Mode::Ecb => 0,
    };
    let Some((iv, sealed)) = data.split_at_checked(head) else {
        return failed("the input is too short");
    };
    let mut sealed = sealed.to_vec();
    if mode == Mode::Gcm {
        let key = sealed_key(key)?;
        let Ok(nonce) = aead::Nonce::try_assume_unique_for_key(iv) else {
            return failed("the IV is not valid");
        };
        return match key.open_in_place(nonce, aead::Aad::from(aad), &mut sealed) {
            Ok(open) => Ok(open.to_vec()),
            Err(_) => failed("Tag mismatch"),
        };
    }
    let key = block_key(key)?;
    let (key, context) = if mode == Mode::Ecb {
        (PaddedBlockDecryptingKey::ecb_pkcs7(key), DecryptionContext::None)
    } else {
        let Ok(fixed) = FixedLength::try_from(iv) else { return failed("the IV is not valid") };
        (PaddedBlockDecryptingKey::cbc_pkcs7(key), DecryptionContext::Iv128(fixed))
    };
    match key.and_then(|key| key.decrypt(&mut sealed, context).map(|open| open.to_vec())) {
        Ok(open) => Ok(open),
        Err(_) => failed("the input or the key is wrong"),
    }
}

fn authenticate(call: &Call<'_>) -> Result<ArrayRef> {
    call.binaries(|row| {
        let name =
            if call.args.len() > 2 { call.text(2, row).to_uppercase() } else { "SHA-256".into() };
        let algorithm = match name.replace('-', "").as_str() {
            "SHA1" => hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY,
            "SHA224" => hmac::HMAC_SHA224,
            "SHA256" => hmac::HMAC_SHA256,
            "SHA384" => hmac::HMAC_SHA384,
            "SHA512" => hmac::HMAC_SHA512,
            _ => {
                let text = format!("HMAC with {name} is not supported.");
                return fail("INVALID_PARAMETER_VALUE", "22023", text);
            }
        };
        let key = hmac::Key::new(algorithm, bytes(call, 0, row));
        Ok(Some(hmac::sign(&key, bytes(call, 1, row)).as_ref().to_vec()))
    })
}

#[cfg(test)]
mod tests {
    #[tokio::test]
    async fn answers() -> datafusion::common::Result<()> {
        crate::frame::testing::answers(&[
            ("encode(aes_encrypt('Spark SQL', '1234567890abcdef', 'ECB'), 'hex')", "de59b0bbe330d07ddf8b9343bdcbbd96"),
            ("CAST(aes_decrypt(aes_encrypt('x', '1234567890abcdef'), '1234567890abcdef') AS VARCHAR)", "x"),
            ("CAST(aes_decrypt(aes_encrypt('x', '1234567890abcdef', 'CBC'), '1234567890abcdef', 'CBC') AS VARCHAR)", "x"),
            ("aes_encrypt('x', 'short')", "[INVALID_PARAMETER_VALUE.AES_KEY_LENGTH]"),
            ("aes_encrypt('x', '1234567890abcdef', 'CTR')", "[UNSUPPORTED_FEATURE.AES_MODE]"),
            ("aes_decrypt('x', '1234567890abcdef')", "[INVALID_PARAMETER_VALUE.AES_CRYPTO_ERROR]"),
            ("try_aes_decrypt('x', '1234567890abcdef')", ""),
        ])
        .await
    }
}
