"""The installed programs in environments that users have and developers do not."""
