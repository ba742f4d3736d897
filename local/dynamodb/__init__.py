"""DynamoDB tables that take their time, refuse deletion and leave backups."""
