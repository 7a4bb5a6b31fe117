"""How the reference lesion model is made: `manage.py train_reference_model --data DIR --out DIR`.

Training needs PyTorch (`requirements.txt` beside this file, installed over the runtime's); nothing that
serves a request imports this package. What it made is in `package/`, ready for `manage.py install_model`.
"""
