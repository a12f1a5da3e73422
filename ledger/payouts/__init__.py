"""What finance decides, under the append lock: payout batches, their payouts, adjustments, closed periods."""
