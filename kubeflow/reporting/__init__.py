"""Pages of HTML that a person can mail: reports of jobs and of searches, made of plain data; clients gather that."""
