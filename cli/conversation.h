/* The messages of a conversation, and the options by which a command fills the model's chat template. */
#ifndef LACE_CLI_CONVERSATION_H
#define LACE_CLI_CONVERSATION_H
#include "options.h"

struct cli_chat_options {
    const char *system, *think, *variables, *tools, *template_name;
};
extern struct cli_chat_options cli_chat;

#define CLI_CHAT_OPTIONS                                                                                               \
    {"system", 0, CLI_TEXT, &cli_chat.system, "TEXT", "The system message that a conversation begins with."},          \
        {"think",                                                                                                      \
         0,                                                                                                            \
         CLI_CHOICE,                                                                                                   \
         &cli_chat.think,                                                                                              \
         NULL,                                                                                                         \
         "Whether a model that can do either reasons before it replies (the template's enable_thinking).",             \
         .choices = "on|off"},                                                                                         \
        {"variables", 0, CLI_TEXT, &cli_chat.variables, "JSON", "Further variables of the template, as an object."},   \
        {"tools",         0,      CLI_TEXT,                                                                            \
         &cli_chat.tools, "FILE", "Tools that the model may call: a JSON list, as OpenAI has it."},                    \
    {                                                                                                                  \
        "template", 0, CLI_TEXT, &cli_chat.template_name, "NAME", "Which of a model's several templates."              \
    }

struct cli_message {
    const char *role; /* of static storage */
    char *text;
};
struct cli_conversation {
    struct cli_message *message;
    int count, capacity;
    char *tools; /* what the file of --tools holds */
};
/* With the system message, where one was given. 0, or the exit status after a complaint. */
int cli_conversation_begin(struct cli_conversation *conversation);
int cli_conversation_add(struct cli_conversation *conversation, const char *role, const char *text);
void cli_conversation_drop(struct cli_conversation *conversation); /* the last message */
void cli_conversation_end(struct cli_conversation *conversation);
/* The text that the model reads, by its chat template; the caller frees it. */
int cli_conversation_render(const struct cli_conversation *conversation, const struct lace_engine *engine, char **text);
#endif
