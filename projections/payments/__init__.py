"""Payments: what banks and providers are sent for payouts, and what they send back."""
