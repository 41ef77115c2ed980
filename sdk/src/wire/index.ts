// The wire: what travels between coordinator, initiator and participant, as schemas. Filled by its own files.
export {};
