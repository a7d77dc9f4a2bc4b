//! Form bodies with brackets: `line_items[0][price]=price_1`.

use url::form_urlencoded::byte_serialize;
use wisdom_core::port::payments::{CheckoutMode, Metadata, NewCheckout, NewCustomer, TaxStatus};
use wisdom_core::value::EmailAddress;

/// A body in the making. Names are ours or checked by their types, so only values are encoded.
#[derive(Debug, Default)]
struct Form(String);

impl Form {
    fn add(&mut self, name: &str, value: &str) {
        if !self.0.is_empty() {
            self.0.push('&');
        }
        self.0.push_str(name);
        self.0.push('=');
        self.0.extend(byte_serialize(value.as_bytes()));
    }

    fn add_some(&mut self, name: &str, value: Option<&str>) {
        if let Some(value) = value {
            self.add(name, value);
        }
    }

    fn add_metadata(&mut self, name: &str, metadata: &Metadata) {
        for (key, value) in metadata.iter() {
            self.add(&format!("{name}[{key}]"), value);
        }
    }
}

pub(super) fn customer(new: &NewCustomer) -> String {
    let mut form = Form::default();
    form.add_some("email", new.email.as_ref().map(EmailAddress::as_str));
    form.add_some("name", new.name.as_deref());
    form.add_metadata("metadata", &new.metadata);
    if let Some(address) = &new.address {
        form.add_some("address[line1]", address.line1.as_deref());
        form.add_some("address[line2]", address.line2.as_deref());
        form.add_some("address[city]", address.city.as_deref());
        form.add_some("address[postal_code]", address.postal_code.as_deref());
        form.add_some("address[state]", address.state.as_deref());
        form.add_some("address[country]", address.country.as_deref());
    }
    let tax = new.tax.map(|tax| match tax {
        TaxStatus::Taxed => "none",
        TaxStatus::Exempt => "exempt",
        TaxStatus::ReverseCharge => "reverse",
    });
    form.add_some("tax_exempt", tax);
    form.0
}

pub(super) fn checkout(new: &NewCheckout) -> String {
    let mut form = Form::default();
    form.add(
        "mode",
        match new.mode {
            CheckoutMode::Subscription => "subscription",
            CheckoutMode::Payment => "payment",
        },
    );
    form.add("customer", new.customer.as_str());
    for (at, line) in new.lines.iter().enumerate() {
        form.add(&format!("line_items[{at}][price]"), line.price.as_str());
        form.add(&format!("line_items[{at}][quantity]"), &line.quantity.to_string());
    }
    form.add("success_url", new.success_url.as_str());
    form.add("cancel_url", new.cancel_url.as_str());
    if let Some(days) = new.trial_days {
        form.add("subscription_data[trial_period_days]", &days.to_string());
    }
    let metadata = match new.mode {
        CheckoutMode::Subscription => "subscription_data[metadata]",
        CheckoutMode::Payment => "metadata",
    };
    form.add_metadata(metadata, &new.metadata);
    if new.allow_promotion_codes {
        form.add("allow_promotion_codes", "true");
    }
    form.add_some("client_reference_id", new.reference.as_deref());
    form.0
}
