"""A small bot of python-telegram-bot: echoes texts, shows a button, answers its press."""

import os

from telegram import InlineKeyboardButton, InlineKeyboardMarkup, Update
from telegram.ext import Application, CallbackQueryHandler, CommandHandler, ContextTypes, MessageHandler, filters

API = os.environ["TELEGRAM_API_BASE"]


async def start(update: Update, context: ContextTypes.DEFAULT_TYPE) -> None:
    keyboard = InlineKeyboardMarkup([[InlineKeyboardButton("Press", callback_data="pressed")]])
    await update.message.reply_text("Hello", reply_markup=keyboard)


async def pressed(update: Update, context: ContextTypes.DEFAULT_TYPE) -> None:
    await update.callback_query.answer("thanks")
    await update.callback_query.edit_message_text("Pressed")


async def echo(update: Update, context: ContextTypes.DEFAULT_TYPE) -> None:
    await update.message.reply_text(f"You said: {update.message.text}")


application = Application.builder().token(os.environ["BOT_TOKEN"]).base_url(f"{API}/bot").build()
application.add_handler(CommandHandler("start", start))
application.add_handler(CallbackQueryHandler(pressed))
application.add_handler(MessageHandler(filters.TEXT, echo))
if os.environ["MODE"] == "polling":
    application.run_polling(poll_interval=0, timeout=5)
else:
    port = int(os.environ["PORT"])
    application.run_webhook(
        "127.0.0.1", port, "hook", webhook_url=f"http://127.0.0.1:{port}/hook", secret_token="s3cret"
    )
