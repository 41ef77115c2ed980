CREATE TABLE IF NOT EXISTS tercet_barrier (
  gid varchar(36) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  branch_id varchar(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  phase varchar(10) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  pass varchar(36) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  started_op varchar(10) CHARACTER SET ascii COLLATE ascii_bin NULL,
  worker varchar(36) CHARACTER SET ascii COLLATE ascii_bin NULL,
  work_until bigint NULL,
  try_result mediumtext NULL,
  result mediumtext NULL,
  deadline_at bigint NOT NULL,
  changed_at bigint NOT NULL,
  PRIMARY KEY (gid, branch_id)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4;
