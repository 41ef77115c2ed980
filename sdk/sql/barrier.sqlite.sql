CREATE TABLE IF NOT EXISTS tercet_barrier (
  gid varchar(36) NOT NULL,
  branch_id varchar(64) NOT NULL,
  phase varchar(10) NOT NULL,
  pass varchar(36) NOT NULL,
  started_op varchar(10) NULL,
  worker varchar(36) NULL,
  work_until bigint NULL,
  try_result text NULL,
  result text NULL,
  deadline_at bigint NOT NULL,
  changed_at bigint NOT NULL,
  PRIMARY KEY (gid, branch_id)
);
