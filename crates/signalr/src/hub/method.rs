//! Hub methods: plain async functions whose parameters are read from the call.

use std::any::TypeId;
use std::collections::VecDeque;
use std::panic::AssertUnwindSafe;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use futures_util::stream::BoxStream;
use futures_util::{FutureExt, Stream, StreamExt};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::sync::mpsc;

use super::context::Context;
use super::error::HubError;
use super::upload::{Upload, Uploaded};
use crate::protocol::{Arguments, BindError, EncodeError, Payload, Protocol, SharedMessage};

/// An async function that can be a hub method: its first parameter is the [`Context`], up to eight follow, each an
/// [`Argument`].
pub trait Handler<C, A>: Send + Sync + 'static {
    /// What the function answers.
    type Output;
    /// The call that goes on.
    type Future: Future<Output = Self::Output> + Send + 'static;

    /// Values that the call has to bring.
    const VALUES: usize;
    /// Uploads that the call has to bring.
    const UPLOADS: usize;

    /// Calls the function with what is read.
    ///
    /// # Errors
    /// When an argument is not of its parameter's type; the function is not called then.
    fn call(&self, context: Context<C>, reader: &mut ArgumentReader) -> Result<Self::Future, BindError>;
}

/// The type of a parameter: whatever serde can read, or an [`Upload`].
///
/// An `Option` at the end may be left out by the caller.
pub trait Argument: Sized {
    /// Whether it is an upload.
    const UPLOAD: bool;

    /// Takes the next one.
    ///
    /// # Errors
    /// When it is missing or of another type.
    fn take(reader: &mut ArgumentReader) -> Result<Self, BindError>;
}

/// What a call has brought.
pub struct ArgumentReader {
    arguments: Arguments,
    next: usize,
    uploads: VecDeque<mpsc::Receiver<Uploaded>>,
}

impl ArgumentReader {
    pub(crate) fn new(arguments: Arguments, uploads: VecDeque<mpsc::Receiver<Uploaded>>) -> Self {
        Self { arguments, next: 0, uploads }
    }
}

impl<T: DeserializeOwned> Argument for T {
    const UPLOAD: bool = false;

    fn take(reader: &mut ArgumentReader) -> Result<Self, BindError> {
        let index = reader.next;
        reader.next += 1;
        reader.arguments.bind(index)
    }
}

impl<T> Argument for Upload<T> {
    const UPLOAD: bool = true;

    fn take(reader: &mut ArgumentReader) -> Result<Self, BindError> {
        reader.uploads.pop_front().map(Self::new).ok_or_else(|| BindError::new("a stream is missing"))
    }
}

macro_rules! handlers {
    ($($($name:ident)*;)*) => {$(
        impl<C, F, Fut, $($name),*> Handler<C, ($($name,)*)> for F
        where
            F: Fn(Context<C>, $($name),*) -> Fut + Send + Sync + 'static,
            Fut: Future + Send + 'static,
            $($name: Argument,)*
        {
            type Output = Fut::Output;
            type Future = Fut;

            const VALUES: usize = 0 $(+ !$name::UPLOAD as usize)*;
            const UPLOADS: usize = 0 $(+ $name::UPLOAD as usize)*;

            fn call(&self, context: Context<C>, _reader: &mut ArgumentReader) -> Result<Fut, BindError> {
                // The order of evaluation is that of the parameters.
                Ok(self(context, $($name::take(_reader)?),*))
            }
        }
    )*};
}

handlers! {
    ;
    A1;
    A1 A2;
    A1 A2 A3;
    A1 A2 A3 A4;
    A1 A2 A3 A4 A5;
    A1 A2 A3 A4 A5 A6;
    A1 A2 A3 A4 A5 A6 A7;
    A1 A2 A3 A4 A5 A6 A7 A8;
}

/// An item of a stream: whatever serde can write, or a [`SharedMessage`], which stands for
/// [its argument](SharedMessage::item) and is encoded once for all who stream it.
pub trait StreamItem: Send + 'static {
    /// Encodes the item.
    ///
    /// # Errors
    /// When it cannot be written in this protocol.
    fn encode(&self, protocol: Protocol) -> Result<Bytes, EncodeError>;
}

impl<T: Serialize + Send + 'static> StreamItem for T {
    fn encode(&self, protocol: Protocol) -> Result<Bytes, EncodeError> {
        Payload::of(protocol, self).map(|payload| payload.bytes().clone())
    }
}

impl StreamItem for SharedMessage {
    fn encode(&self, protocol: Protocol) -> Result<Bytes, EncodeError> {
        self.item(protocol)
    }
}

/// A method, with its types forgotten.
pub(crate) trait Method<C>: Send + Sync {
    fn expects(&self) -> Expected;

    /// Binds the arguments and starts the method; nothing runs yet.
    fn start(&self, context: Context<C>, reader: ArgumentReader) -> Result<Started, BindError>;
}

/// What a method wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Expected {
    pub(crate) values: usize,
    pub(crate) uploads: usize,
    pub(crate) streaming: bool,
}

/// A method that goes on.
pub(crate) enum Started {
    /// Ends with a value; `None` stands for one that has nothing to say.
    Value(BoxFuture<'static, Result<Option<Payload>, HubError>>),
    /// Ends with a stream of encoded items.
    Stream(BoxFuture<'static, Result<Items, HubError>>),
}

/// A stream of encoded items.
pub(crate) type Items = BoxStream<'static, Result<Bytes, HubError>>;

/// Answers with one value.
pub(super) struct ValueMethod<H, A> {
    pub(super) handler: H,
    pub(super) arguments: std::marker::PhantomData<fn(A)>,
}

impl<C, H, A, T> Method<C> for ValueMethod<H, A>
where
    H: Handler<C, A, Output = Result<T, HubError>>,
    C: Send + Sync + 'static,
    A: 'static,
    T: Serialize + Send + 'static,
{
    fn expects(&self) -> Expected {
        Expected { values: H::VALUES, uploads: H::UPLOADS, streaming: false }
    }

    fn start(&self, context: Context<C>, mut reader: ArgumentReader) -> Result<Started, BindError> {
        let protocol = context.connection().protocol;
        let call = self.handler.call(context, &mut reader)?;
        let value = async move {
            let value = call.await?;
            // A method without a value answers `null` in JSON, as ASP.NET does, and void in MessagePack.
            if protocol == Protocol::MessagePack && TypeId::of::<T>() == TypeId::of::<()>() {
                return Ok(None);
            }
            Ok(Some(Payload::of(protocol, &value)?))
        };
        Ok(Started::Value(caught(value).boxed()))
    }
}

/// Answers with a stream.
pub(super) struct StreamMethod<H, A> {
    pub(super) handler: H,
    pub(super) arguments: std::marker::PhantomData<fn(A)>,
}

impl<C, H, A, S, T> Method<C> for StreamMethod<H, A>
where
    H: Handler<C, A, Output = Result<S, HubError>>,
    C: Send + Sync + 'static,
    A: 'static,
    S: Stream<Item = Result<T, HubError>> + Send + 'static,
    T: StreamItem,
{
    fn expects(&self) -> Expected {
        Expected { values: H::VALUES, uploads: H::UPLOADS, streaming: true }
    }

    fn start(&self, context: Context<C>, mut reader: ArgumentReader) -> Result<Started, BindError> {
        let protocol = context.connection().protocol;
        let call = self.handler.call(context, &mut reader)?;
        let stream = async move {
            let items = call.await?.map(move |item| Ok(item?.encode(protocol)?));
            let caught = AssertUnwindSafe(items).catch_unwind();
            Ok(caught.map(|item| item.unwrap_or_else(|_| Err(panicked()))).boxed())
        };
        Ok(Started::Stream(caught(stream).boxed()))
    }
}

/// A method that panics fails, and nothing else does.
async fn caught<T>(call: impl Future<Output = Result<T, HubError>>) -> Result<T, HubError> {
    AssertUnwindSafe(call).catch_unwind().await.unwrap_or_else(|_| Err(panicked()))
}

fn panicked() -> HubError {
    HubError::internal("the method panicked")
}
