/* The commands, in the order of the help: one line each. Included by main.c alone. */
COMMAND(cmd_run)
COMMAND(cmd_score)
COMMAND(cmd_tokenize)
COMMAND(cmd_init)
COMMAND(cmd_data)
COMMAND(cmd_train)
COMMAND(cmd_eval)
COMMAND(cmd_bench)
